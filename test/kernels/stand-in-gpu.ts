/**
 * A device on a GPU that is not there: buffers of any size take no memory, nothing runs, and the grids of dispatches are kept.
 * For tests of what the host computes before a launch. No assertions.
 */
import { Device } from '../../src/gpu/device.js';

export type Dispatched = [label: string, x: number, y: number, z: number];

/** WebGPU's default limits; buffers are as large as one likes. */
const LIMITS = {
  maxBufferSize: 2 ** 45,
  maxStorageBufferBindingSize: 2 ** 45,
  maxComputeWorkgroupsPerDimension: 65_535,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupStorageSize: 16_384,
  maxStorageBuffersPerShaderStage: 8,
  minUniformBufferOffsetAlignment: 256,
  minStorageBufferOffsetAlignment: 256,
};

/** Answers every call with itself, and is no promise. */
const anything: unknown = new Proxy(() => {}, {
  get: (_, name) => (name === 'then' ? undefined : anything),
  apply: () => anything,
});

const over = (members: object): unknown =>
  new Proxy(members, {
    get: (target, name) => Reflect.get(target, name) ?? Reflect.get(anything as object, name),
  });

export function standInDevice(info: Partial<Device['info']> = {}): {
  device: Device;
  dispatched: Dispatched[];
} {
  const dispatched: Dispatched[] = [];
  const pipeline = ({ label }: { label: string }) => over({ label });
  const pass = () => {
    let label = '';
    return over({
      setPipeline: (set: GPUComputePipeline) => {
        label = set.label;
      },
      dispatchWorkgroups: (x: number, y = 1, z = 1) => {
        dispatched.push([label, x, y, z]);
      },
    });
  };
  const gpu = over({
    limits: LIMITS,
    features: new Set(),
    lost: new Promise(() => {}),
    createBuffer: (descriptor: GPUBufferDescriptor) => over({ ...descriptor, mapState: 'unmapped' }),
    createComputePipeline: pipeline,
    createComputePipelineAsync: async (descriptor: { label: string }) => pipeline(descriptor),
    createCommandEncoder: () => over({ beginComputePass: pass }),
    popErrorScope: async () => null,
  }) as GPUDevice;
  const facts = {
    ...{ vendor: '', architecture: '', device: 'stand-in', description: '' },
    ...{ subgroupMinSize: 0, subgroupMaxSize: 0, isCpu: false },
    ...info,
  };
  return { device: new Device(gpu, facts, false, () => {}), dispatched };
}

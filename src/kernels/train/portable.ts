/**
 * Launches the plain training kernels (shaders/train/portable/train.wgsl.ts): six dispatches a step, for any shape on
 * any device. They are oracle and fallback; nothing here is fast.
 */
import * as shader from '../../../shaders/train/portable/train.wgsl.js';
import { bindGroup } from '../../gpu/bindings.js';
import type { Device } from '../../gpu/device.js';
import type { Recorder } from '../../gpu/recorder.js';
import { BufferUsage } from '../../gpu/usage.js';
import { gridOf } from '../grid.js';
import { type ChunkSize, portableCosts } from './training-cost.js';
import type {
  Chunk,
  ChunkBuffers,
  DataBank,
  KernelFootprint,
  KernelShape,
  KernelVariant,
  TrainingKernel,
} from './training-kernel.js';

const STORAGE = BufferUsage.STORAGE | BufferUsage.COPY_SRC | BufferUsage.COPY_DST;

/** Words that one position takes in each of the scratch buffers. */
function scratch({ features, hidden, batch }: KernelShape) {
  return {
    batch: batch * (Math.ceil(features / 32) + 1),
    activations: batch * (hidden + 1),
    gradients: shader.portableParameters({ features, hidden, batch }),
  };
}

export const portableVariant: KernelVariant = {
  name: 'portable',
  refusal({ limits }, { batch }) {
    const most = limits.maxComputeWorkgroupsPerDimension;
    return batch > most
      ? `it has a workgroup for each of ${batch} samples, this device takes ${most}.`
      : undefined;
  },
  footprint(shape): KernelFootprint {
    const words = scratch(shape);
    return {
      batchPitch: shape.batch,
      slotBuffers: [12 * words.gradients, 4 * words.batch, 4 * words.activations, 4 * words.gradients],
      bytesPerStep: 0,
    };
  },
  create: (device, shape, buffers) => PortableKernel.create(device, shape, buffers),
};

type Stage = 'gather' | 'hidden' | 'loss' | 'gradients' | 'adamw' | 'advance';

class PortableKernel implements TrainingKernel {
  readonly name = 'portable';
  readonly state: GPUBuffer;
  readonly stateFloats: number;
  /** A state has the parameters in their own order. */
  readonly places: Uint32Array;
  readonly #device: Device;
  readonly #shape: KernelShape;
  readonly #shared: ChunkBuffers;
  readonly #pipelines: Record<Stage, GPUComputePipeline>;
  readonly #stride: GPUBuffer;
  readonly #cursor: GPUBuffer;
  readonly #batch: GPUBuffer;
  readonly #activations: GPUBuffer;
  readonly #gradients: GPUBuffer;
  readonly #groups: Record<Exclude<Stage, 'gather'>, GPUBindGroup>;
  readonly #gatherGroups = new WeakMap<DataBank, GPUBindGroup>();

  static async create(device: Device, shape: KernelShape, buffers: ChunkBuffers): Promise<PortableKernel> {
    const compile = (stage: Stage, code: string) =>
      device.pipeline({ label: `portable-${stage}`, code, options: { ...shape } });
    const [gather, hidden, loss, gradients, adamw, advance] = await Promise.all([
      compile('gather', shader.portableGather(shape)),
      compile('hidden', shader.portableHidden(shape)),
      compile('loss', shader.portableLoss(shape)),
      compile('gradients', shader.portableGradients(shape)),
      compile('adamw', shader.portableAdamW(shape)),
      compile('advance', shader.portableAdvance()),
    ]);
    return new PortableKernel(device, shape, buffers, { gather, hidden, loss, gradients, adamw, advance });
  }

  private constructor(
    device: Device,
    shape: KernelShape,
    shared: ChunkBuffers,
    pipelines: Record<Stage, GPUComputePipeline>,
  ) {
    this.#device = device;
    this.#shape = shape;
    this.#shared = shared;
    this.#pipelines = pipelines;
    const words = scratch(shape);
    this.stateFloats = 3 * words.gradients;
    this.places = Uint32Array.from({ length: words.gradients }, (_, k) => k);
    this.state = device.allocate('portable-state', 12 * words.gradients * shared.slots, STORAGE);
    this.#batch = device.allocate('portable-batch', 4 * words.batch * shared.slots, STORAGE);
    this.#activations = device.allocate(
      'portable-activations',
      4 * words.activations * shared.slots,
      STORAGE,
    );
    this.#gradients = device.allocate('portable-gradients', 4 * words.gradients * shared.slots, STORAGE);
    this.#cursor = device.allocate('portable-cursor', 4, STORAGE);
    this.#stride = device.allocate('portable-stride', 16, BufferUsage.UNIFORM | BufferUsage.COPY_DST);
    this.#groups = this.#bindAll();
  }

  #bindAll() {
    const { positions, paused, steps, hypers, sums } = this.#shared;
    const [stride, cursor, batch, activations, gradients, state] = [
      this.#stride,
      this.#cursor,
      this.#batch,
      this.#activations,
      this.#gradients,
      this.state,
    ];
    const bind = (stage: Stage, buffers: (GPUBuffer | undefined)[]) =>
      bindGroup(this.#device.gpu, this.#pipelines[stage], buffers);
    return {
      hidden: bind('hidden', [undefined, cursor, positions, paused, state, batch, activations]),
      loss: bind('loss', [stride, cursor, positions, paused, state, steps, batch, activations, sums]),
      gradients: bind('gradients', [
        undefined,
        cursor,
        positions,
        paused,
        state,
        batch,
        activations,
        gradients,
      ]),
      adamw: bind('adamw', [stride, cursor, positions, paused, hypers, steps, gradients, state]),
      advance: bind('advance', [undefined, cursor]),
    };
  }

  #gatherGroup(bank: DataBank): GPUBindGroup {
    let group = this.#gatherGroups.get(bank);
    if (!group) {
      const { sources, rows, labels } = bank;
      const buffers = [this.#stride, this.#cursor, sources, this.#shared.order, rows, labels, this.#batch];
      group = bindGroup(this.#device.gpu, this.#pipelines.gather, buffers);
      this.#gatherGroups.set(bank, group);
    }
    return group;
  }

  encode(recorder: Recorder, { positions, steps, banks }: Chunk): void {
    const { hidden, batch } = this.#shape;
    const across = (items: number) => Math.ceil(items / shader.PORTABLE_INVOCATIONS);
    const launch = (stage: Exclude<Stage, 'gather'>, x: number, y = 1, z = 1) => {
      recorder.dispatch(this.#pipelines[stage], this.#groups[stage], [x, y, z]);
    };
    const [x, z] = gridOf(across(this.stateFloats / 3));
    recorder.upload(this.#stride, 0, new Uint32Array([steps]));
    recorder.upload(this.#cursor, 0, new Uint32Array(1));
    for (let step = 0; step < steps; step++) {
      for (const { bank, entries } of banks) {
        recorder.dispatch(this.#pipelines.gather, this.#gatherGroup(bank), [across(batch), entries]);
      }
      launch('hidden', across(hidden), batch, positions);
      launch('loss', across(batch), positions);
      launch('gradients', x, positions, z);
      launch('adamw', x, positions, z);
      launch('advance', 1);
    }
  }

  costs(chunk: ChunkSize) {
    return portableCosts(this.#shape, chunk);
  }

  destroy(): void {
    const own = [this.state, this.#batch, this.#activations, this.#gradients, this.#cursor, this.#stride];
    for (const buffer of own) this.#device.free(buffer);
  }
}

/**
 * Compute pipelines of one device, compiled once each. Layouts are `auto`: bind groups come from
 * `pipeline.getBindGroupLayout(0)`.
 */
import type { LockstepError } from './errors.js';
import { shaderError } from './shader-errors.js';

/** What to compile. */
export interface PipelineDescriptor {
  /** Names the kernel in error messages and in profilers. */
  label: string;
  /** WGSL. */
  code: string;
  /** Default `main`. */
  entryPoint?: string;
  /** Values of the shader's `override` declarations. */
  constants?: Record<string, number>;
}

const keyOf = ({ code, entryPoint, constants }: PipelineDescriptor): string =>
  JSON.stringify([entryPoint ?? 'main', Object.entries(constants ?? {}).sort(), code]);

export class Pipelines {
  readonly #gpu: GPUDevice;
  readonly #watch: (outcome: Promise<LockstepError | undefined>) => void;
  readonly #compiled = new Map<string, Promise<GPUComputePipeline>>();
  readonly #immediate = new Map<string, GPUComputePipeline>();

  /** `watch` takes the outcome of what no caller awaits. */
  constructor(gpu: GPUDevice, watch: (outcome: Promise<LockstepError | undefined>) => void) {
    this.#gpu = gpu;
    this.#watch = watch;
  }

  compile(descriptor: PipelineDescriptor): Promise<GPUComputePipeline> {
    const key = keyOf(descriptor);
    let pipeline = this.#compiled.get(key);
    if (!pipeline) {
      pipeline = this.#compile(descriptor);
      this.#compiled.set(key, pipeline);
      pipeline.catch(() => this.#compiled.delete(key));
    }
    return pipeline;
  }

  async #compile({
    label,
    code,
    entryPoint = 'main',
    constants,
  }: PipelineDescriptor): Promise<GPUComputePipeline> {
    this.#gpu.pushErrorScope('validation');
    const module = this.#gpu.createShaderModule({ label, code });
    const scope = this.#gpu.popErrorScope();
    const compute = { module, entryPoint, constants };
    const pipeline = this.#gpu.createComputePipelineAsync({ label, layout: 'auto', compute });
    pipeline.catch(() => {}); // handled below, after the compiler's own words
    const error = await scope;
    if (error) throw shaderError(label, code, (await module.getCompilationInfo()).messages, error);
    try {
      return await pipeline;
    } catch (cause) {
      throw shaderError(label, code, [], cause);
    }
  }

  /** As {@link compile}, but at once; an error reaches an operation that follows. */
  immediate(descriptor: PipelineDescriptor): GPUComputePipeline {
    const key = keyOf(descriptor);
    const known = this.#immediate.get(key);
    if (known) return known;
    const { label, code, entryPoint = 'main', constants } = descriptor;
    this.#gpu.pushErrorScope('validation');
    const module = this.#gpu.createShaderModule({ label, code });
    const compute = { module, entryPoint, constants };
    const pipeline = this.#gpu.createComputePipeline({ label, layout: 'auto', compute });
    this.#watch(
      this.#gpu
        .popErrorScope()
        .then(async (error) =>
          error ? shaderError(label, code, (await module.getCompilationInfo()).messages, error) : undefined,
        ),
    );
    this.#immediate.set(key, pipeline);
    return pipeline;
  }
}

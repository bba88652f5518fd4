/**
 * Compute pipelines of one device, compiled once each. Layouts are `auto`: bind groups come from
 * `pipeline.getBindGroupLayout(0)`.
 */
import { checkNumber, checkObject, checkText } from '../platform/arguments.js';
import type { LockstepError } from '../platform/errors.js';
import { addSpan } from '../platform/host-spans.js';
import { checkOptionNames } from '../platform/options.js';
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
  /** What the code was made from: told with errors, in profiles and over dumped WGSL. */
  options?: ShaderOptions;
}

/** What a shader's code was made from, by name; profiles list it. */
export type ShaderOptions = Readonly<Record<string, string | number | boolean>>;

/** A pipeline and how long it took to make, in milliseconds; drivers may put off a part until its first use. */
export interface CompiledPipeline extends PipelineDescriptor {
  pipeline: GPUComputePipeline;
  ms: number;
}

/** Throws for a descriptor of other names or kinds. */
export function checkPipeline(where: string, descriptor: PipelineDescriptor): void {
  checkObject(where, 'the descriptor', descriptor, '{ label, code } fits');
  checkOptionNames(where, descriptor, ['label', 'code', 'entryPoint', 'constants', 'options']);
  const { label, code, entryPoint, constants, options } = descriptor;
  checkText(where, 'the label', label);
  checkText(where, 'the code', code);
  if (entryPoint !== undefined) checkText(where, 'the entry point', entryPoint);
  if (options !== undefined) checkObject(where, 'options', options, 'names with values fit');
  if (constants === undefined) return;
  checkObject(where, 'constants', constants, 'names with numbers fit');
  for (const [name, value] of Object.entries(constants)) checkNumber(where, `the constant ${name}`, value);
}

const keyOf = ({ code, entryPoint, constants }: PipelineDescriptor): string =>
  JSON.stringify([entryPoint ?? 'main', Object.entries(constants ?? {}).sort(), code]);

export class Pipelines {
  readonly #gpu: GPUDevice;
  readonly #watch: (outcome: Promise<LockstepError | undefined>) => void;
  readonly #compiled = new Map<string, Promise<GPUComputePipeline>>();
  readonly #immediate = new Map<string, GPUComputePipeline>();
  /** All that were made, in that order. */
  readonly made: CompiledPipeline[] = [];

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

  async #compile(descriptor: PipelineDescriptor): Promise<GPUComputePipeline> {
    const { label, code, entryPoint = 'main', constants, options } = descriptor;
    const start = performance.now();
    this.#gpu.pushErrorScope('validation');
    const module = this.#gpu.createShaderModule({ label, code });
    const scope = this.#gpu.popErrorScope();
    const compute = { module, entryPoint, constants };
    const pipeline = this.#gpu.createComputePipelineAsync({ label, layout: 'auto', compute });
    pipeline.catch(() => {}); // handled below, after the compiler's own words
    const error = await scope;
    if (error) throw shaderError(label, code, (await module.getCompilationInfo()).messages, error, options);
    try {
      return this.#note(descriptor, await pipeline, start);
    } catch (cause) {
      throw shaderError(label, code, [], cause, options);
    }
  }

  #note(descriptor: PipelineDescriptor, pipeline: GPUComputePipeline, start: number): GPUComputePipeline {
    const end = performance.now();
    this.made.push({ ...descriptor, pipeline, ms: end - start });
    addSpan({ kind: 'compile', name: descriptor.label, start, end });
    return pipeline;
  }

  /** As {@link compile}, but at once; an error reaches an operation that follows. */
  immediate(descriptor: PipelineDescriptor): GPUComputePipeline {
    const key = keyOf(descriptor);
    const known = this.#immediate.get(key);
    if (known) return known;
    const { label, code, entryPoint = 'main', constants, options } = descriptor;
    const start = performance.now();
    this.#gpu.pushErrorScope('validation');
    const module = this.#gpu.createShaderModule({ label, code });
    const compute = { module, entryPoint, constants };
    const pipeline = this.#gpu.createComputePipeline({ label, layout: 'auto', compute });
    this.#watch(
      this.#gpu
        .popErrorScope()
        .then(async (error) =>
          error
            ? shaderError(label, code, (await module.getCompilationInfo()).messages, error, options)
            : undefined,
        ),
    );
    this.#immediate.set(key, pipeline);
    return this.#note(descriptor, pipeline, start);
  }
}

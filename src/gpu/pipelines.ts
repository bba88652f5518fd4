/**
 * Compiles the compute pipelines of one device, each once. Their layout is `auto`: WebGPU derives it from the shader, and
 * bindings.ts asks the pipeline for it.
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
  /** What the code was made from: shown in errors, in profiles and above WGSL that is written to files. */
  options?: ShaderOptions;
}

/** What a shader's code was made from, by name; profiles list it. */
export type ShaderOptions = Readonly<Record<string, string | number | boolean>>;

/** A compiled pipeline. */
export interface CompiledPipeline extends PipelineDescriptor {
  pipeline: GPUComputePipeline;
  /** How long compiling took, in milliseconds. Drivers may leave a part of the work to the first launch. */
  ms: number;
}

/** Throws for a descriptor with unknown names, or values of another kind. `where` is the function that takes it. */
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
  /** All pipelines, in the order in which they were made. */
  readonly made: CompiledPipeline[] = [];

  /** `watch` takes the outcome of {@link immediate}, which no caller awaits. */
  constructor(gpu: GPUDevice, watch: (outcome: Promise<LockstepError | undefined>) => void) {
    this.#gpu = gpu;
    this.#watch = watch;
  }

  /** As {@link Device.pipeline}. */
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
    const { label, code, options } = descriptor;
    const start = performance.now();
    const { made, outcome } = this.#make(descriptor, (what) => this.#gpu.createComputePipelineAsync(what));
    made.catch(() => {}); // thrown below, after what the shader's compiler says
    const error = await outcome;
    if (error) throw error;
    try {
      return this.#keep(descriptor, await made, start);
    } catch (cause) {
      throw shaderError(label, code, [], cause, options);
    }
  }

  /** As {@link Device.pipelineNow}. */
  immediate(descriptor: PipelineDescriptor): GPUComputePipeline {
    const key = keyOf(descriptor);
    const known = this.#immediate.get(key);
    if (known) return known;
    const start = performance.now();
    const { made, outcome } = this.#make(descriptor, (what) => this.#gpu.createComputePipeline(what));
    this.#watch(outcome);
    this.#immediate.set(key, made);
    return this.#keep(descriptor, made, start);
  }

  /** Makes the shader's module and, by `create`, the pipeline; `outcome` is the error, if WebGPU reports one. */
  #make<T>(
    { label, code, entryPoint = 'main', constants, options }: PipelineDescriptor,
    create: (what: GPUComputePipelineDescriptor) => T,
  ): { made: T; outcome: Promise<LockstepError | undefined> } {
    this.#gpu.pushErrorScope('validation');
    const module = this.#gpu.createShaderModule({ label, code });
    const made = create({ label, layout: 'auto', compute: { module, entryPoint, constants } });
    const outcome = this.#gpu.popErrorScope().then(async (error) => {
      if (!error) return undefined;
      const { messages } = await module.getCompilationInfo();
      return shaderError(label, code, messages, error, options);
    });
    return { made, outcome };
  }

  #keep(descriptor: PipelineDescriptor, pipeline: GPUComputePipeline, start: number): GPUComputePipeline {
    const end = performance.now();
    this.made.push({ ...descriptor, pipeline, ms: end - start });
    addSpan({ kind: 'compile', name: descriptor.label, start, end });
    return pipeline;
  }
}

/**
 * AdamW of one run, on the host's side: its settings, how many steps its moments have seen, the sizes of its next steps, and the weights
 * that training leaves out, which it only decays. Decisions in pauses change all of them. The kernels take the steps.
 */
import { HYPER, STEP } from '../../shaders/train/chunk.wgsl.js';
import { withDefaults } from '../platform/arguments.js';
import type { LeftOut } from './live-columns.js';
import type { AdamWSettings, RunControl } from './types.js';

/** What a run begins with, or goes on with. */
interface Begun {
  settings: Required<AdamWSettings>;
  /** Its initial weights, [hidden, features]. */
  w1: Float32Array;
  /** Whether training leaves some of them out. */
  leavesOut: boolean;
  /** Steps of the run so far. */
  steps: number;
  /** What decisions have made of it so far, if it goes on from a checkpoint that says so. */
  control?: RunControl;
}

export class RunOptimizer {
  #settings: Required<AdamWSettings>;
  /** Steps that the moments have seen, with those that were sent. */
  #steps = 0;
  /** The betas to the power of that, as float64 products, for the correction of the moments' bias. */
  #power1 = 1;
  #power2 = 1;
  /** The weights left out as they were after `#leftOutAt` steps of the run, when its decay was last changed. */
  #leftOut: LeftOut;
  #leftOutAt = 0;
  readonly #begun: Pick<Begun, 'w1' | 'leavesOut'>;

  constructor({ settings, w1, leavesOut, steps, control }: Begun) {
    this.#begun = { w1, leavesOut };
    this.#settings = withDefaults(settings, control?.optimizer);
    const { factor = 1, since = 0, w1: others = w1 } = control?.leftOut ?? {};
    this.#leftOut = { w1: others, factor };
    this.#leftOutAt = since;
    this.#goOn(control?.optimizerSteps ?? steps);
  }

  #goOn(steps: number): void {
    const [beta1, beta2] = this.#settings.betas;
    let [power1, power2] = [1, 1];
    for (let s = 0; s < steps; s++) {
      power1 *= beta1;
      power2 *= beta2;
    }
    this.#steps = steps;
    this.#power1 = power1;
    this.#power2 = power2;
  }

  get #decay(): number {
    return 1 - this.#settings.lr * this.#settings.weightDecay;
  }

  /** AdamW's constants as the kernels take them. */
  get hypers(): Uint32Array<ArrayBuffer> {
    const { betas, eps } = this.#settings;
    const [beta1, beta2] = betas;
    const [oneMinusBeta1, oneMinusBeta2] = [1 - beta1, 1 - beta2];
    return HYPER.array([{ decay: this.#decay, beta1, oneMinusBeta1, beta2, oneMinusBeta2, eps }]);
  }

  /** Writes the sizes of the next steps from `table[at]` on; these then count as seen. */
  send(table: Float32Array, at: number, steps: number): void {
    const { lr, betas } = this.#settings;
    const [beta1, beta2] = betas;
    const { stepSize, invRootCorrection2 } = STEP.at;
    // Local variables, because V8 allocates a number for each value that is stored in a field.
    let [power1, power2] = [this.#power1, this.#power2];
    for (let s = 0; s < steps; s++) {
      power1 *= beta1;
      power2 *= beta2;
      table[at + s * STEP.words + stepSize] = lr / (1 - power1);
      table[at + s * STEP.words + invRootCorrection2] = 1 / Math.sqrt(1 - power2);
    }
    this.#power1 = power1;
    this.#power2 = power2;
    this.#steps += steps;
  }

  /** Goes on with other settings after so many steps of the run. Those that are not given stay. */
  change(given: AdamWSettings, steps: number): void {
    this.#leftOut = this.leftOut(steps);
    this.#leftOutAt = steps;
    this.#settings = withDefaults(this.#settings, given);
    this.#goOn(this.#steps); // with other betas
  }

  /** Goes on from what `from` has after `fromSteps` steps of its run. The settings stay. */
  fork(steps: number, from: RunOptimizer, fromSteps: number): void {
    this.#leftOut = from.leftOut(fromSteps);
    this.#leftOutAt = steps;
    this.#goOn(from.#steps);
  }

  /**
   * The weights that training leaves out, after so many steps of the run, none of them before the last decision. (One power instead
   * of as many products rounds less than PyTorch does: about 1e-5 relative after 100,000 steps.)
   */
  leftOut(steps: number): LeftOut {
    const { w1, factor } = this.#leftOut;
    return { w1, factor: factor * Math.fround(this.#decay) ** (steps - this.#leftOutAt) };
  }

  /** For a checkpoint. Only while no steps are under way. */
  get state(): Pick<RunControl, 'optimizer' | 'optimizerSteps' | 'leftOut'> {
    const { betas, ...others } = this.#settings;
    const { w1, factor } = this.#leftOut;
    const isForked = this.#begun.leavesOut && w1 !== this.#begun.w1;
    return {
      optimizer: { betas: [...betas], ...others },
      optimizerSteps: this.#steps,
      leftOut: { factor, since: this.#leftOutAt, ...(isForked && { w1 }) },
    };
  }
}

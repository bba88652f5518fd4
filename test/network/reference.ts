/**
 * The oracle of networks in lockstep: one network, one step at a time, in float64 and plain loops. Weights, order and
 * batches are as the trainer takes them. Slow, and nothing is shared with what it checks but the rules of activation,
 * loss and optimizer (src/network), which are tested by themselves.
 */
import { ACTIVATIONS } from '../../src/network/activations.js';
import { elementLoss, LOSSES, type Loss, rowLoss } from '../../src/network/losses.js';
import type { HostStateDict, Network } from '../../src/network/network.js';
import {
  momentsOf,
  type OptimizerSettings,
  type Parameter,
  stepNumbers,
  update,
} from '../../src/network/optimizers.js';

/** A batch: rows, and targets by output (of classes one). */
export interface Batch {
  x: readonly (readonly number[])[];
  y: readonly (readonly number[])[];
}

interface LayerState {
  weight: Parameter[][];
  bias: Parameter[];
}

/** Loss and right outputs of a batch. */
export interface BatchResult {
  loss: number;
  hits: number;
  counted: number;
}

export class ReferenceNetwork {
  readonly #network: Network;
  readonly #loss: Loss;
  readonly #optimizer: OptimizerSettings;
  readonly #layers: LayerState[];
  readonly #blur: (x: number) => number;
  #steps = 0;
  /**
   * How near anything came to a corner so far: a ReLU's 0, a margin of the hinge, a sign, an output about to count as right.
   * Nearer than float32's roundings, the device may rightly be on its other side. Exact zeros do not count: they are exact there, too.
   */
  nearest = Number.POSITIVE_INFINITY;

  /** @param blur What becomes of each number on its way, for a twin that shows how far roundings are carried. */
  constructor(
    network: Network,
    loss: Loss,
    optimizer: OptimizerSettings,
    weights: HostStateDict,
    blur: (x: number) => number = (x) => x,
  ) {
    this.#network = network;
    this.#blur = blur;
    this.#loss = loss;
    this.#optimizer = optimizer;
    const fresh = (value: number): Parameter => ({ value, first: 0, second: 0 });
    this.#layers = network.layers.map(({ place, inputs, units, bias }) => {
      const { data } = weights[`${place}.weight`];
      const rows = Array.from({ length: units }, (_, u) =>
        Array.from(data.slice(u * inputs, (u + 1) * inputs), fresh),
      );
      return { weight: rows, bias: bias ? Array.from(weights[`${place}.bias`].data, fresh) : [] };
    });
  }

  /** One step at this learning rate. */
  step(batch: Batch, lr = this.#optimizer.lr): BatchResult {
    const { outputs, inputsOf, sums } = this.#forward(batch);
    const { result, gradients } = this.#lossOf(outputs, batch, sums[sums.length - 1]);
    this.#steps++;
    const numbers = stepNumbers(this.#optimizer, lr, this.#steps);
    const move = (parameter: Parameter, terms: readonly number[]) => {
      const gradient = this.#sum(terms);
      Object.assign(parameter, update(parameter, gradient, this.#optimizer, numbers, this.#steps === 1));
      if (this.#optimizer.type !== 'signSgd' || terms.every((term) => term === 0)) return;
      // Gradients are smaller than outputs, and so are their roundings. Terms that cancel here need not do so in float32.
      const distance = Math.abs(this.moments ? parameter.first : gradient);
      this.nearest = Math.min(this.nearest, 100 * distance);
    };
    let upper = gradients;
    for (let l = this.#layers.length - 1; l >= 0; l--) {
      const { weight, bias } = this.#layers[l];
      const here = upper;
      if (l > 0) upper = this.#below(l, here, sums[l - 1], inputsOf[l]);
      weight.forEach((row, u) => {
        row.forEach((parameter, i) => {
          move(
            parameter,
            here.map((g, b) => g[u] * inputsOf[l][b][i]),
          );
        });
      });
      bias.forEach((parameter, u) => {
        move(
          parameter,
          here.map((g) => g[u]),
        );
      });
    }
    return result;
  }

  /** What the network says of a batch. */
  evaluate(batch: Batch): BatchResult {
    const { outputs, sums } = this.#forward(batch);
    return this.#lossOf(outputs, batch, sums[sums.length - 1]).result;
  }

  /** The parameters in the order of the state dict. */
  parameters(): number[] {
    return this.#layers.flatMap(({ weight, bias }) => [...weight.flat(), ...bias].map(({ value }) => value));
  }

  get moments(): number {
    return momentsOf(this.#optimizer);
  }

  #forward({ x }: Batch) {
    let values = x.map((row) => [...row]);
    const inputsOf: number[][][] = [];
    const sums: number[][][] = [];
    this.#network.layers.forEach(({ activation }, l) => {
      const { weight, bias } = this.#layers[l];
      inputsOf.push(values);
      const z = values.map((row) =>
        weight.map((w, u) => this.#sum([...w.map(({ value }, i) => value * row[i]), bias[u]?.value ?? 0])),
      );
      sums.push(z);
      if (activation.type === 'relu' || activation.type === 'leakyRelu')
        for (const one of z.flat()) this.#passes(one);
      const rule = ACTIVATIONS[activation.type];
      values = z.map((row) => row.map((one) => this.#blur(rule.value(one, activation.parameter))));
    });
    return { outputs: values, inputsOf, sums };
  }

  #sum(terms: readonly number[]): number {
    return this.#blur(terms.reduce((sum, term) => sum + term, 0));
  }

  /** A loss's derivative, most often a difference from the target: its error is the larger number's. */
  #difference(slope: number, target: number): number {
    return this.#blur(slope + target) - target;
  }

  #passes(distance: number): void {
    if (distance !== 0) this.nearest = Math.min(this.nearest, Math.abs(distance));
  }

  #slope(l: number, z: number, y: number): number {
    const { activation } = this.#network.layers[l];
    return ACTIVATIONS[activation.type].derivative(z, y, activation.parameter);
  }

  #below(l: number, here: number[][], sums: number[][], outputs: number[][]): number[][] {
    const { weight } = this.#layers[l];
    return here.map((g, b) =>
      sums[b].map(
        (z, i) =>
          this.#sum(weight.map((row, u) => g[u] * row[i].value)) * this.#slope(l - 1, z, outputs[b][i]),
      ),
    );
  }

  #lossOf(
    outputs: number[][],
    { y }: Batch,
    sums: number[][],
  ): { result: BatchResult; gradients: number[][] } {
    const last = this.#network.layers.length - 1;
    const { type, parameter } = this.#loss;
    if (LOSSES[type].targets === 'class') {
      const counted = y.filter(([c]) => c !== parameter).length;
      let loss = 0;
      let hits = 0;
      const gradients = outputs.map((row, b) => {
        const [c] = y[b];
        if (c === parameter) return row.map(() => 0);
        const one = rowLoss(row, c);
        loss += one.loss;
        if (row.indexOf(Math.max(...row)) === c) hits++;
        const [most, next] = row.toSorted((a, b) => b - a);
        this.#passes(most - next);
        return one.slopes.map(
          (slope, k) =>
            (this.#difference(slope, k === c ? 1 : 0) / counted) * this.#slope(last, sums[b][k], row[k]),
        );
      });
      return { result: { loss: loss / counted, hits, counted }, gradients };
    }
    const counted = outputs.length * outputs[0].length;
    let loss = 0;
    let hits = 0;
    const gradients = outputs.map((row, b) =>
      row.map((z, k) => {
        const one = elementLoss(this.#loss, z, y[b][k]);
        loss += one.loss;
        if (type === 'l1') this.#passes(z - y[b][k]);
        if (type === 'huber') this.#passes(Math.abs(z - y[b][k]) - parameter);
        if (type === 'hinge') this.#passes(1 - Math.abs(z));
        if (LOSSES[type].hasAccuracy) this.#passes(type === 'bce' ? z - 0.5 : z);
        const positive = type === 'bce' ? z >= 0.5 : z >= 0;
        if (positive === (type === 'hinge' ? y[b][k] > 0 : y[b][k] >= 0.5)) hits++;
        return (this.#difference(one.slope, y[b][k]) / counted) * this.#slope(last, sums[b][k], z);
      }),
    );
    return { result: { loss: loss / counted, hits, counted }, gradients };
  }
}

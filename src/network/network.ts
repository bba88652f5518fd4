/**
 * A network in lockstep as data: its dense layers, how many numbers they hold, and the names that PyTorch gives their
 * parameters. It knows no device, no weights and no training.
 */
import { badArgument, checkBoolean, checkList, checkNumber, checkObject } from '../platform/arguments.js';
import { checkOptionNames } from '../platform/options.js';
import { type Activation, type ActivationDescription, activationOf } from './activations.js';

/** A dense layer, `nn.Linear`, and what comes after it. */
export interface LayerDescription {
  /** Outputs, 1 to 4,096. */
  units: number;
  /** Default true. */
  bias?: boolean;
  /** Default `identity`. */
  activation?: ActivationDescription;
}

/** A stack of dense layers. */
export interface NetworkDescription {
  /** Numbers of an example, 1 to 4,096. */
  inputs: number;
  /** 1 to 8 layers, the first one first. */
  layers: readonly LayerDescription[];
}

/** Row-major values with their shape, by the names of PyTorch's state dict. */
export type HostStateDict = Record<string, { data: Float32Array; shape: readonly number[] }>;

/** A network as a model describes it, with the places of its layers and the weights that they hold. */
export interface DescribedNetwork {
  network: NetworkDescription;
  /** Each layer's place in its Sequential, from which its parameters are named. */
  places: readonly number[];
  /** Reads the weights, by the names of the state dict, and frees the model. */
  weights(): Promise<HostStateDict>;
}

/** A layer of a {@link Network}. */
export interface DenseLayer {
  readonly inputs: number;
  readonly units: number;
  readonly bias: boolean;
  readonly activation: Activation;
  /** Its place in the `nn.Sequential` of the network, where an activation takes a place of its own. */
  readonly place: number;
}

/** A network whose description was checked. */
export interface Network {
  readonly inputs: number;
  readonly outputs: number;
  readonly layers: readonly DenseLayer[];
  /** Weights and biases together. */
  readonly parameters: number;
}

/** A parameter of a network: `0.weight` of [units, inputs], `0.bias` of [units]. */
interface ParameterShape {
  readonly name: string;
  readonly shape: readonly number[];
}

const MOST = { units: 4096, inputs: 4096, layers: 8 };

/**
 * Checks a description and fills in the defaults.
 *
 * @param where The run that has the network; the error begins with it.
 * @param places Each layer's place in its Sequential, if it came from one. Default: an activation other than
 *   `identity` takes the place after its layer.
 * @throws LockstepError `bad-input` naming the layer, the option, its value and what fits.
 * @example
 * const network = networkOf('run 0', { inputs: 2, layers: [{ units: 64, activation: 'tanh' }, { units: 1 }] });
 * network.parameters; // 257
 */
export function networkOf(
  where: string,
  description: NetworkDescription,
  places?: readonly number[],
): Network {
  const fits = 'a network is { inputs: 2, layers: [{ units: 64, activation: "relu" }, { units: 1 }] }';
  checkObject(where, 'the network', description, fits);
  checkOptionNames(`${where}: network`, description, ['inputs', 'layers']);
  const { inputs, layers } = description;
  checkNumber(`${where}: network`, 'inputs', inputs, { min: 1, max: MOST.inputs, whole: true });
  checkList(`${where}: network`, 'layers', layers, fits);
  if (layers.length < 1 || layers.length > MOST.layers) {
    throw badArgument(`${where}: network`, 'the number of layers', layers.length, `1 to ${MOST.layers} fit`);
  }
  const dense: DenseLayer[] = [];
  let before = inputs;
  let place = 0;
  layers.forEach((layer, l) => {
    const here = `${where}: layer ${l}`;
    checkObject(here, 'the layer', layer, 'a layer is { units: 64, activation: "relu" }');
    checkOptionNames(here, layer, ['units', 'bias', 'activation']);
    const { units, bias = true } = layer;
    checkNumber(here, 'units', units, { min: 1, max: MOST.units, whole: true });
    checkBoolean(here, 'bias', bias);
    const activation = activationOf(here, layer.activation);
    dense.push({ inputs: before, units, bias, activation, place: places?.[l] ?? place });
    place += activation.type === 'identity' ? 1 : 2;
    before = units;
  });
  const parameters = dense.reduce((sum, one) => sum + one.units * (one.inputs + Number(one.bias)), 0);
  return { inputs, outputs: before, layers: dense, parameters };
}

/** The parameters in the order and by the names of PyTorch's `named_parameters()`. */
export function parameterShapes({ layers }: Network): ParameterShape[] {
  return layers.flatMap(({ place, units, inputs, bias }) => [
    { name: `${place}.weight`, shape: [units, inputs] },
    ...(bias ? [{ name: `${place}.bias`, shape: [units] }] : []),
  ]);
}

/** A network on one line: `2 -> 64 tanh -> 1`. */
export function showNetwork({ inputs, layers }: Network): string {
  const parts = layers.map(({ units, bias, activation: { type, parameter } }) => {
    const number = type === 'power' || (type === 'leakyRelu' && parameter !== 0.01) ? `(${parameter})` : '';
    return `${units}${bias ? '' : ' without bias'}${type === 'identity' ? '' : ` ${type}${number}`}`;
  });
  return [inputs, ...parts].join(' -> ');
}

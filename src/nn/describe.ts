/**
 * Turns a Sequential of linear layers and activations into the plain description of a network that the lockstep trainer
 * takes.
 */
import type { ActivationDescription } from '../network/activations.js';
import type { DescribedNetwork, LayerDescription } from '../network/network.js';
import { badArgument } from '../platform/arguments.js';
import type { Module } from './module.js';

/** What a module says of itself where it can be part of a network in lockstep. */
interface Describable {
  denseLayer?: { inputs: number; units: number; bias: boolean };
  denseActivation?: ActivationDescription;
}

/** The description of the modules of a Sequential. */
export function describeLayers(modules: readonly Module[], model: Module): DescribedNetwork {
  const layers: LayerDescription[] = [];
  const places: number[] = [];
  let inputs = 0;
  modules.forEach((module, place) => {
    const { denseLayer, denseActivation } = module as Describable;
    const fits =
      'a Linear layer fits, or a module of an activation after one; other networks train with nn.stack';
    if (denseLayer) {
      if (layers.length === 0) inputs = denseLayer.inputs;
      layers.push({ units: denseLayer.units, bias: denseLayer.bias });
      places.push(place);
    } else if (denseActivation === undefined || layers.length === 0 || layers[layers.length - 1].activation) {
      throw badArgument('trainLockstep', `module ${place} of the model`, module, fits);
    } else layers[layers.length - 1].activation = denseActivation;
  });
  return {
    network: { inputs, layers },
    places,
    async weights() {
      const named = model.namedParameters();
      const read = await Promise.all(
        named.map(async ([name, tensor]) => {
          return [name, { data: (await tensor.data()) as Float32Array, shape: [...tensor.shape] }] as const;
        }),
      );
      model.dispose();
      return Object.fromEntries(read);
    },
  };
}

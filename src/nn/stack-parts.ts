/**
 * What models have at the same places, to be stacked: tensors and where they are held, modules, and everything that cannot
 * differ between stacked models. It makes no tensors.
 */
import { LockstepError } from '../platform/errors.js';
import { printable } from '../platform/printable.js';
import { showShape } from '../tensor/shape.js';
import { Tensor } from '../tensor/tensor.js';
import { Module } from './module.js';

/** A property that holds a tensor. */
export interface Place {
  /** As in a state dict: `0.weight`. */
  path: string;
  holder: Record<string, unknown>;
  key: string;
}

/** A model's parts by their paths. */
interface Parts {
  places: Map<string, Place>;
  modules: Map<string, Module>;
  /**
   * Numbers, texts, true and false, null, typed arrays, the texts of functions, and tensors in plain objects, which are not
   * stacked; and of every module its class, and whether it acts as in training.
   */
  others: Map<string, unknown>;
}

const isPlain = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;

const isTyped = (value: unknown): value is Uint8Array =>
  ArrayBuffer.isView(value) && !(value instanceof DataView);

const alike = (a: unknown, b: unknown): boolean =>
  Object.is(a, b) ||
  (isTyped(a) && isTyped(b) && a.length === b.length && a.every((each, i) => Object.is(each, b[i])));

function partsOf(model: Module): Parts {
  const parts: Parts = { places: new Map(), modules: new Map(), others: new Map() };
  const seen = new Set<unknown>();
  const visit = (value: unknown, path: string): void => {
    const isModule = value instanceof Module;
    if (isModule || Array.isArray(value) || isPlain(value)) {
      if (seen.has(value)) return;
      seen.add(value);
      if (isModule) {
        parts.modules.set(path, value);
        parts.others.set(path, value.constructor);
        parts.others.set(path ? `${path}.training` : 'training', value.training);
      }
      for (const [key, inner] of Object.entries(value as object)) {
        const name = path ? `${path}.${key}` : key;
        if (inner instanceof Tensor && isPlain(value)) parts.others.set(name, inner);
        else if (inner instanceof Tensor) {
          parts.places.set(name, { path: name, holder: value as never, key });
        } else {
          visit(inner, name);
        }
      }
    } else if (typeof value === 'function') {
      parts.others.set(path, String(value));
    } else if (
      value === null ||
      isTyped(value) ||
      !['object', 'undefined', 'symbol'].includes(typeof value)
    ) {
      parts.others.set(path, value);
    }
  };
  visit(model, '');
  return parts;
}

const shown = (value: unknown): string =>
  typeof value === 'function' ? value.name : printable(isTyped(value) ? value.slice(0, 8) : value, 60);

const at = (path: string): string => (path ? `'${path}'` : 'the model itself');

function refuse(k: number, path: string, own: string, first: string, why: string): LockstepError {
  return new LockstepError(
    'bad-input',
    `nn.stack: in model ${k}, ${at(path)} is ${own}; in model 0, ${first}. ${why}`,
  );
}

/** Throws unless model k is made as the first one. */
function checkAlike(first: Parts, own: Parts, k: number): void {
  const paths = new Set([...first.others.keys(), ...own.others.keys()]);
  for (const path of paths) {
    const maps = [first.others, own.others];
    const isInBoth = maps.every((map) => map.has(path));
    if (isInBoth && alike(first.others.get(path), own.others.get(path))) continue;
    const [a, b] = maps.map((map) => (map.has(path) ? shown(map.get(path)) : 'missing'));
    const why =
      'Models are stacked that differ in the values of their tensors alone; make a tensor of what is to differ.';
    throw refuse(k, path, b, a, why);
  }
  for (const path of new Set([...first.places.keys(), ...own.places.keys()])) {
    const [a, b] = [first, own].map(({ places }) => describe(places.get(path)));
    if (a !== b) throw refuse(k, path, b, a, 'Stacked tensors have the same shape, dtype and device.');
  }
  // Where one tensor stands at several places, it has to be so in every model.
  const [ties, others] = [first, own].map(tiesOf);
  for (const [path, to] of ties) {
    const other = others.get(path) as string;
    if (other !== to)
      throw refuse(k, path, `the tensor of '${other}'`, `that of '${to}'`, 'Tie them in all models.');
  }
}

export const tensorAt = ({ holder, key }: Place): Tensor => holder[key] as Tensor;

function describe(place: Place | undefined): string {
  if (!place) return 'missing';
  const { shape, dtype, requiresGrad, isParameter, device } = tensorAt(place);
  const kind = requiresGrad ? 'a parameter' : isParameter ? 'a frozen parameter' : 'a tensor';
  return `${kind} ${dtype} ${showShape(shape)} on ${device.info.description || 'a device'}`;
}

/** The path at which the tensor of each place is found first. */
function tiesOf({ places }: Parts): Map<string, string> {
  const first = new Map<Tensor, string>();
  const ties = new Map<string, string>();
  for (const place of places.values()) {
    const tensor = tensorAt(place);
    if (!first.has(tensor)) first.set(tensor, place.path);
    ties.set(place.path, first.get(tensor) as string);
  }
  return ties;
}

/** What all models have at the same places. */
export interface CommonParts {
  /** For each place of the first model that in every model, in their order. */
  places: readonly (readonly Place[])[];
  /** The modules of the first model, and those at their place in every model. */
  siblings: ReadonlyMap<Module, readonly Module[]>;
}

/** The parts of models, which have to be made alike. */
export function commonParts(models: readonly Module[]): CommonParts {
  const all = models.map(partsOf);
  const [first, ...others] = all;
  others.forEach((own, i) => {
    checkAlike(first, own, i + 1);
  });
  return {
    places: [...first.places.keys()].map((path) => all.map(({ places }) => places.get(path) as Place)),
    siblings: new Map(
      [...first.modules].map(([path, module]) => [
        module,
        all.map(({ modules }) => modules.get(path) as Module),
      ]),
    ),
  };
}

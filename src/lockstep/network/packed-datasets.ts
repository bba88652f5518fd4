/**
 * The datasets of one training, each laid out once for all runs that name the same object. For evaluations with groups, there is
 * also a copy with the examples sorted by group. Also initial weights that are tensors, which are read once.
 */
import type { Loss } from '../../network/losses.js';
import type { Network } from '../../network/network.js';
import type { Sampler } from '../../network/sampler.js';
import { checkObject } from '../../platform/arguments.js';
import { Tensor } from '../../tensor/tensor.js';
import { type NetworkDataset, type PackedDataset, packNetworkData } from './dataset.js';

/** A dataset with its examples sorted by group, and how many each group has. */
interface GroupedDataset {
  readonly data: PackedDataset;
  readonly sizes: readonly number[];
}

interface Known {
  key: string;
  data: PackedDataset;
  /** The sorted copies, by the list of groups. */
  grouped: Map<object, GroupedDataset>;
}

export class PackedDatasets {
  readonly #packed = new WeakMap<object, Known[]>();
  /** State dicts whose tensors were read: those of a device that is lost could not be read again. */
  readonly #read = new WeakMap<object, object>();

  /** @throws LockstepError `bad-input` for a dataset that does not fit the network or the loss. */
  async get(
    where: string,
    dataset: NetworkDataset | Sampler,
    network: Network,
    loss: Loss,
  ): Promise<PackedDataset> {
    return (await this.#get(where, dataset, network, loss)).data;
  }

  /** @param groups The group of each example: whole numbers from 0 on, already checked. */
  async grouped(
    where: string,
    dataset: NetworkDataset,
    groups: ArrayLike<number>,
    network: Network,
    loss: Loss,
  ): Promise<GroupedDataset> {
    const known = await this.#get(where, dataset, network, loss);
    const found = known.grouped.get(groups) ?? groupedDataset(known.data, groups);
    known.grouped.set(groups, found);
    return found;
  }

  /** A state dict with its tensors read. What is none, and other values in it, are left as they are: they are checked later. */
  async weights(given: unknown): Promise<unknown> {
    if (typeof given !== 'object' || given === null) return given;
    const before = this.#read.get(given);
    if (before) return before;
    const read = Object.entries(given).map(
      async ([name, value]) => [name, await readIfTensor(value)] as const,
    );
    const values = Object.fromEntries(await Promise.all(read));
    this.#read.set(given, values);
    return values;
  }

  async #get(where: string, dataset: NetworkDataset | Sampler, network: Network, loss: Loss): Promise<Known> {
    checkObject(where, 'the dataset', dataset, 'a dataset is { x, y }, or one of samplers');
    const key = `${network.inputs} ${network.outputs} ${loss.type} ${loss.parameter}`;
    const all = this.#packed.get(dataset) ?? [];
    this.#packed.set(dataset, all);
    const found = all.find((one) => one.key === key);
    if (found) return found;
    const data = packNetworkData(where, await withTensorsRead(dataset), network, loss);
    const known = { key, data, grouped: new Map() };
    all.push(known);
    return known;
  }
}

/** The dataset with its tensors read. Other values are left as they are: they are checked later. */
async function withTensorsRead(dataset: NetworkDataset | Sampler): Promise<NetworkDataset | Sampler> {
  if (!('x' in dataset)) return dataset;
  return { ...dataset, x: await readIfTensor(dataset.x), y: await readIfTensor(dataset.y) } as NetworkDataset;
}

/** The numbers of a tensor. Other values are left as they are. */
async function readIfTensor(value: unknown): Promise<unknown> {
  return value instanceof Tensor ? { data: await value.data(), shape: value.shape } : value;
}

/** Within a group the examples keep their order. */
function groupedDataset(data: PackedDataset, groups: ArrayLike<number>): GroupedDataset {
  const { examples, words, rowWords, targetsAt, targetWords } = data;
  const order = Array.from({ length: examples }, (_, row) => row).sort((a, b) => groups[a] - groups[b]);
  const sorted = new Uint32Array(words.length);
  const move = (from: number, width: number) => {
    order.forEach((row, k) => {
      sorted.set(words.subarray(from + row * width, from + (row + 1) * width), from + k * width);
    });
  };
  move(0, rowWords);
  move(targetsAt, targetWords);
  const sizes = new Array<number>(1 + groups[order[examples - 1]]).fill(0);
  for (const row of order) sizes[groups[row]]++;
  return { data: { ...data, words: sorted }, sizes };
}

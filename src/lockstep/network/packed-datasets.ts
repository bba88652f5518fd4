/**
 * The datasets of one training, each laid out once for all runs that name the same object. For evaluations with groups, there is
 * also a copy with the examples sorted by group.
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
  const read = async (values: unknown) =>
    values instanceof Tensor ? { data: await values.data(), shape: values.shape } : values;
  return { ...dataset, x: await read(dataset.x), y: await read(dataset.y) } as NetworkDataset;
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

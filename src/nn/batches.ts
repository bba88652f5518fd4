/** Iterates over examples in shuffled batches, in the order that `torch.randperm` draws. */
import { indexSelect, slice } from '../autograd/ops/shape.js';
import { noGrad } from '../autograd/record.js';
import { checkBoolean, checkNumber } from '../platform/arguments.js';
import { LockstepError } from '../platform/errors.js';
import { checkOptionNames } from '../platform/options.js';
import type { Generator } from '../random/generator.js';
import { checkGenerator } from '../random/generator.js';
import { checkTensorList } from '../tensor/check-tensor.js';
import { randperm } from '../tensor/create.js';
import { scope } from '../tensor/scope.js';
import { showShape } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';

/** Options of {@link shuffledBatches}. */
export interface BatchOptions {
  /** Examples a batch. */
  batchSize: number;
  /** Draws the order: `randperm(examples)` once a call. Default: the program's, see {@link manualSeed}. */
  generator?: Generator;
  /** Leave out a last batch that is smaller. Default false. */
  dropLast?: boolean;
}

/**
 * One epoch in batches, in a newly drawn order. The examples are the slices of each tensor along axis 0. A batch is freed when
 * the next one is asked for; clone() what has to last.
 *
 * @param tensors Tensors with the same number of examples, on one device.
 * @returns An iterator over lists of tensors, one for each that was given.
 * @example
 * for (const [xs, ys] of shuffledBatches([x, y], { batchSize: 32, generator })) {
 *   optimizer.zeroGrad();
 *   crossEntropy(model(xs), ys).backward();
 *   optimizer.step();
 * }
 */
export function shuffledBatches(
  tensors: readonly Tensor[],
  options: BatchOptions,
): IterableIterator<Tensor[]> {
  checkTensorList('shuffledBatches', 'tensors', tensors);
  checkOptionNames('shuffledBatches', options, ['batchSize', 'generator', 'dropLast']);
  const { batchSize, generator, dropLast = false } = options ?? {};
  checkNumber('shuffledBatches', 'batchSize', batchSize, { min: 1, whole: true });
  checkBoolean('shuffledBatches', 'dropLast', dropLast);
  if (generator !== undefined) checkGenerator('shuffledBatches', generator);
  const examples = tensors[0]?.shape[0];
  if (examples === undefined || tensors.some(({ shape }) => shape[0] !== examples)) {
    throw new LockstepError(
      'bad-input',
      `shuffledBatches: got tensors ${tensors.map(({ shape }) => showShape(shape)).join(', ')}; one or more fit, ` +
        'with the same number of examples along axis 0.',
    );
  }
  const count = dropLast ? examples - (examples % batchSize) : examples;
  return batchesOf(tensors, examples, count, batchSize, generator);
}

function* batchesOf(
  tensors: readonly Tensor[],
  examples: number,
  count: number,
  batchSize: number,
  generator: Generator | undefined,
): IterableIterator<Tensor[]> {
  const [{ device }] = tensors;
  const order = randperm(examples, { device, generator });
  let batch: Tensor[] = [];
  try {
    for (let start = 0; start < count; start += batchSize) {
      for (const tensor of batch) tensor.dispose();
      batch = noGrad(() =>
        scope(() => {
          const chosen = slice(order, 0, start, Math.min(count, start + batchSize));
          return tensors.map((tensor) => indexSelect(tensor, 0, chosen));
        }),
      );
      yield batch;
    }
  } finally {
    for (const tensor of [...batch, order]) tensor.dispose();
  }
}

/**
 * The answers of a strategy's thread: how they are sent, and how they are checked on arrival. The strategy controls its thread:
 * it can change built-in objects and post messages of its own. So only answers that its functions could have returned are
 * accepted.
 */
import type { AdamWSettings, MlpWeights } from '../lockstep/types.js';
import { showKind } from '../platform/options.js';
import { type BinaryDataset, BitMatrix, BitVector } from '../tensor/bits.js';
import { judgeDataset } from './dataset.js';
import { checkFinite, optimizerOf } from './prepare.js';
import type { Fail } from './strategy-call.js';
import type { StrategyAnswer, StrategyCalls } from './strategy-messages.js';
import type { Task } from './task.js';

/** A dataset as it is sent between threads, without its classes. */
interface SentDataset {
  rows: number;
  x: Uint32Array;
  y: Uint32Array;
}

type Sent = AdamWSettings | MlpWeights | SentDataset;

/** An answer in the form for `postMessage`, and the buffers to transfer without a copy. */
export function sentAnswer(answer: StrategyAnswer): { sent: Sent; transfer: ArrayBuffer[] } {
  if ('lr' in answer) return { sent: answer, transfer: [] };
  const sent = 'x' in answer ? { rows: answer.x.rows, x: answer.x.words, y: answer.y.words } : answer;
  const arrays: unknown[] = Object.values(sent).filter(ArrayBuffer.isView);
  return { sent, transfer: (arrays as Uint32Array[]).map(({ buffer }) => buffer as ArrayBuffer) };
}

/**
 * The answer to `call` in what a thread has sent.
 *
 * @throws What `fail` makes, for an answer that no function of a strategy could have returned.
 */
export function takenAnswer<K extends keyof StrategyCalls>(
  call: K,
  [task]: StrategyCalls[K]['args'],
  sent: unknown,
  fail: Fail,
): StrategyCalls[K]['answer'] {
  if (typeof sent !== 'object' || sent === null) throw forged(showKind(sent), fail);
  const fields = sent as Record<string, unknown>;
  const take = { optimizer: takenSettings, dataset: takenDataset, weights: takenWeights }[call];
  return take(fields, task, fail) as StrategyCalls[K]['answer'];
}

const forged = (what: string, fail: Fail) =>
  fail(`its thread answered with ${what}; leave its messages and built-in objects as they are.`);

function takenSettings(sent: Record<string, unknown>, _: Task, fail: Fail): AdamWSettings {
  const { lr, weightDecay: wd, betas } = sent;
  const [beta1, beta2] = Array.isArray(betas) ? betas : [];
  return optimizerOf({ lr, wd, beta1, beta2 }, fail);
}

function takenDataset({ rows, x, y }: Record<string, unknown>, task: Task, fail: Fail): BinaryDataset {
  const words = [x, y].map((one) => ownArray(one, Uint32Array, fail));
  const whole = Number.isSafeInteger(rows) && (rows as number) >= 0 ? (rows as number) : 0;
  if (words[0].length !== whole * Math.ceil(task.nFeatures / 32) || words[1].length !== Math.ceil(whole / 32))
    throw forged('bits that are no dataset of the task', fail);
  const labels = new BitVector(whole, words[1]);
  return judgeDataset(new BitMatrix(whole, task.nFeatures, words[0]), labels, task, fail);
}

function takenWeights(sent: Record<string, unknown>, task: Task, fail: Fail): MlpWeights {
  const { hiddenWidth: width, nFeatures } = task;
  const array = (name: keyof MlpWeights, length: number) => {
    const own = ownArray(sent[name], Float32Array, fail);
    if (own.length !== length) throw forged('weights of another size', fail);
    checkFinite(name, own, fail);
    return own;
  };
  return {
    w1: array('w1', width * nFeatures),
    b1: array('b1', width),
    w2: array('w2', width),
    b2: array('b2', 1),
  };
}

/** Checks that the array's memory belongs to this thread alone. */
function ownArray<T extends Uint32Array | Float32Array>(
  value: unknown,
  kind: new (...args: never[]) => T,
  fail: Fail,
): T {
  if (!(value instanceof kind)) throw forged(showKind(value), fail);
  if (!(value.buffer instanceof ArrayBuffer)) throw forged('shared memory', fail);
  return value;
}

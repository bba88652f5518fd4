/**
 * The code of a thread that draws batches ahead for some of the runs, in turn into each ring that has room. threads.ts starts
 * it.
 */
import { parentPort } from 'node:worker_threads';
import { type BatchSource, DrawnBatches } from './drawn.js';
import type { BatchReply, BatchRequest } from './messages.js';
import { BatchRing } from './ring.js';

/** Steps of a run in one turn: about 0.2 ms. */
const TURN_STEPS = 128;

const port = parentPort!;
const runs = new Map<number, { source: BatchSource; ring: BatchRing }>();
let scheduled = false;

function schedule(): void {
  if (scheduled) return;
  scheduled = true;
  setImmediate(turn); // so that messages come through between turns
}

function turn(): void {
  scheduled = false;
  let wrote = false;
  let room = false;
  for (const { source, ring } of runs.values()) {
    const steps = Math.min(TURN_STEPS, ring.free);
    if (steps === 0) continue;
    ring.fill(source, steps);
    wrote = true;
    room ||= ring.free > 0;
  }
  if (wrote) port.postMessage({ filled: true } satisfies BatchReply);
  if (room) schedule();
}

port.on('message', (request: BatchRequest) => {
  if ('open' in request) {
    runs.set(request.open, { source: new DrawnBatches(request.settings), ring: new BatchRing(request.ring) });
  } else if ('close' in request) {
    runs.delete(request.close);
  }
  schedule();
});

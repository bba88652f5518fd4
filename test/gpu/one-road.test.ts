// One road to the device: who may encode, bind, submit, write and map. Everyone else goes through them.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const src = fileURLToPath(new URL('../../src/', import.meta.url));

/** By what they call. The profiler's two look at the device's clock, and wait for a launch past the line of all others. */
const ROAD: Readonly<Record<string, readonly string[]>> = {
  'createCommandEncoder(': ['gpu/recorder.ts', 'profiler/clock-anchor.ts'],
  'beginComputePass(': ['gpu/recorder.ts', 'profiler/clock-anchor.ts'],
  'dispatchWorkgroups(': ['gpu/recorder.ts'],
  'createBindGroup(': ['gpu/bindings.ts'],
  'writeBuffer(': ['gpu/queue.ts'],
  'queue.submit(': ['gpu/queue.ts', 'gpu/recorder.ts', 'profiler/clock-anchor.ts'], // recorder.ts: a Queue's
  'onSubmittedWorkDone(': ['gpu/queue.ts', 'profiler/host-timer.ts', 'profiler/profiling.ts'],
  'mapAsync(': ['gpu/waits.ts', 'profiler/clock-anchor.ts'],
  'createBuffer(': ['gpu/buffers.ts', 'profiler/clock-anchor.ts', 'profiler/query-blocks.ts'],
};

const code = (file: string): string =>
  readFileSync(src + file, 'utf8').replace(/^ *(\/\*\*.*|\* .*|\*\/)$/gm, '');
const files = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .map((file) => file.replaceAll('\\', '/'))
  .filter((file) => file.endsWith('.ts'));

it.each(Object.keys(ROAD))('%s', (call) => {
  expect(files.filter((file) => code(file).includes(call)).sort()).toEqual([...ROAD[call]].sort());
});

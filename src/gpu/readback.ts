/**
 * Reads bytes of a device's buffers: copies them to a staging buffer and waits for that copy alone. Where a kernel may have
 * raised the device's error flag (flag.ts), the flag is read along with them.
 */
import { badArgument } from '../platform/arguments.js';
import { LockstepError } from '../platform/errors.js';
import { span } from '../platform/host-spans.js';
import { printable } from '../platform/printable.js';
import type { CommandQueue } from './commands.js';
import { type ErrorFlag, FLAG_BYTES } from './flag.js';
import type { Staging } from './staging.js';
import type { WaitOptions } from './waits.js';

/**
 * Reads after everything recorded so far, and submits that. The range is one that {@link checkRange} let pass.
 *
 * @throws LockstepError `bad-input` for what a kernel refused since the last read.
 */
export async function readBack(
  { commands, flag, staging }: { commands: CommandQueue; flag: ErrorFlag; staging: Staging },
  source: GPUBuffer,
  offset: number,
  bytes: number,
  options: WaitOptions,
): Promise<ArrayBuffer> {
  const flagged = flag.pending;
  if (bytes === 0 && !flagged) {
    commands.flush();
    return new ArrayBuffer(0);
  }
  const copied = Math.ceil(bytes / 4) * 4;
  const staged = staging.take(copied + (flagged ? FLAG_BYTES : 0));
  const recorder = commands.open();
  recorder.copy(source, offset, staged.buffer, 0, copied);
  const throwRaised = flagged ? flag.take(recorder, staged.buffer, copied) : undefined;
  commands.flush();
  await staged.wait(options);
  const [result, raised] = staged.take((mapped) => [
    span('read-back', 'read', () => mapped.slice(0, bytes), { bytes }),
    new Uint32Array(mapped.slice(copied)),
  ]);
  throwRaised?.(raised);
  return result;
}

/**
 * Throws unless `source` is a buffer and has these bytes. WebGPU ignores a copy out of range, so what an earlier read left in
 * the staging buffer would pass for the result.
 */
export function checkRange(source: GPUBuffer, offset: number, bytes: number): void {
  const { size } = (source ?? {}) as Partial<GPUBuffer>;
  if (typeof size !== 'number') {
    throw badArgument('device.read', 'the buffer', source, 'a GPUBuffer fits, as device.allocate() gives');
  }
  const areWhole = [offset, bytes].every((value) => Number.isSafeInteger(value) && value >= 0);
  if (areWhole && offset % 4 === 0 && offset + Math.ceil(bytes / 4) * 4 <= size) return;
  throw new LockstepError(
    'bad-input',
    `Device.read: ${printable(bytes)} bytes from offset ${printable(offset)} are not within a buffer of ${size}; ` +
      'the offset is a multiple of 4.',
  );
}

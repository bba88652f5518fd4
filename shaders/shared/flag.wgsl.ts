/**
 * The error flag in kernels. A kernel calls `raise` when it refuses a value that only the device sees, as an index or a class
 * number. The next read on the host then throws the error (src/gpu/flag.ts).
 */
import { wgsl } from '../wgsl.js';

/**
 * Declares the flag at a binding, and `raise(ticket, bits)`. The first call since the last read is kept. It uses an atomic
 * counter, as a weak exchange may fail spuriously.
 */
export function flagAt(binding: number): string {
  return wgsl`
struct Flag {
  raised: atomic<u32>,
  ticket: u32,
  bits: u32,
}
@group(0) @binding(${binding}) var<storage, read_write> flag: Flag;

fn raise(ticket: u32, bits: u32) {
  if (atomicAdd(&flag.raised, 1u) == 0u) {
    flag.ticket = ticket;
    flag.bits = bits;
  }
}
`;
}

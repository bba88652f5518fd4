/**
 * The error flag as a kernel sees it: what only the device can see to be wrong (an index, a class number) is told by
 * the next read on the host (src/gpu/flag.ts). A kernel calls `raise` where a value is refused, and nowhere else.
 */
import { wgsl } from '../wgsl.js';

/**
 * Declares the flag at a binding and `raise(ticket, bits)`; the first call since the host last looked is kept. An atomic that
 * counts, for a weak exchange may fail without reason.
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

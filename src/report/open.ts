/** Options with which the profiler opens devices: timestamps are not rounded. */
import type { OpenOptions } from '../adapter/open.js';

/** Switches off Dawn's rounding of timestamps to 2^16 ns, which keeps web pages from spying and is not needed here. */
const FINE = '!timestamp_quantization';

/** The same options, with timestamps that are not rounded. Browsers round them in any case. */
export const fineTimestamps = (options: OpenOptions): OpenOptions => ({
  ...options,
  toggles: [...(options.toggles ?? []), FINE],
});

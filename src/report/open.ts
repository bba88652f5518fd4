/** How the profiler opens devices: with timestamps as fine as they come. */
import type { OpenOptions } from '../gpu/open.js';

/** Dawn rounds timestamps to 2^16 ns, so that web pages cannot spy by them; here there is nobody to spy on. */
const FINE = '!timestamp_quantization';

/** The same options, with timestamps that are not rounded. Browsers round as they see fit. */
export const fineTimestamps = (options: OpenOptions): OpenOptions => ({
  ...options,
  toggles: [...(options.toggles ?? []), FINE],
});

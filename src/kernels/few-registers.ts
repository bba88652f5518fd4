/** Which devices have too few registers for the largest tiles. A fact of adapters, no kernel. */
import type { DeviceInfo } from '../gpu/device-info.js';

/**
 * Four subgroups with tiles of 8 x 8 would take more registers than a SIMD unit of AMD's GCN cards (Polaris, Vega) has;
 * with fewer subgroups it waits for memory. Tiles of 4 x 4 give the same bits.
 */
export const hasFewRegisters = ({ info }: { info: Pick<DeviceInfo, 'architecture'> }): boolean =>
  info.architecture.startsWith('gcn');

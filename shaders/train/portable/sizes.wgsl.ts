/**
 * Sizes of the two-layer network for the portable kernels, and where a run's parameters begin: w1, b1, w2, b2. Constants
 * only.
 */
import { wgsl } from '../../wgsl.js';

export const portableSizes = ({ features, hidden }: { features: number; hidden: number }): string => wgsl`
const features = ${features}u;
const hidden = ${hidden}u;
const rowWords = (features + 31u) / 32u;
const b1At = hidden * features;
const w2At = b1At + hidden;
const b2At = w2At + hidden;
const parameters = b2At + 1u;
`;

// The training kernel for matrix units on a device that has them; elsewhere tiles-f16.test.ts emulates them.
import { afterAll, describe } from 'vitest';
import { openDevice, subgroupMatrices } from '../../../src/adapter/open.js';
import { f16Variant } from '../../../src/kernels/train/tiles-f16.js';
import { f16Cases } from './f16-cases.js';

const device = await openDevice(subgroupMatrices);
afterAll(() => device.destroy());
const why = f16Variant.refusal(device, { features: 64, hidden: 512, batch: 128 });

describe.skipIf(why !== undefined)(
  `the tiles-f16 kernel in matrix units${why === undefined ? '' : ` (skipped: ${why})`}`,
  () => f16Cases(device),
);

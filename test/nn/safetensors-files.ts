/**
 * The files that the library writes for safetensors_reference.py, and for the test that compares. Run by itself it
 * prints them.
 */
import { pathToFileURL } from 'node:url';
import { openDevice } from '../../src/adapter/open.js';
import * as nn from '../../src/nn/index.js';
import { manualSeed, tensor, zeros } from '../../src/tensor/create.js';

export const network = () => new nn.Sequential(new nn.Linear(5, 3), new nn.ReLU(), new nn.Linear(3, 2));

/** A network's weights, and a file with every dtype, a scalar, nothing, and a name that is no ASCII. */
export async function ourFiles(): Promise<{ model: string; mixed: string }> {
  manualSeed(7);
  const model = await nn.saveSafetensors(network().stateDict());
  const mixed = await nn.saveSafetensors(
    {
      weight: tensor([
        [1.5, -2, 3],
        [0.1, 1e-30, -7],
      ]),
      mask: tensor([true, false, true]), // three bytes, which go to the end
      index: tensor([[1], [-2]], { dtype: 'i32' }),
      words: tensor([0, 4294967295], { dtype: 'u32' }),
      scalar: tensor(4),
      empty: zeros([0, 3]),
      größe: tensor([9]),
    },
    { made: 'by lockstep-gpu' },
  );
  return { model: Buffer.from(model).toString('base64'), mixed: Buffer.from(mixed).toString('base64') };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const device = await openDevice();
  console.log(JSON.stringify(await ourFiles()));
  device.destroy();
}

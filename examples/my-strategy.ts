/**
 * A strategy of your own: the three choices that are left to a contestant. Try it with
 *
 *     npm run bench -- --strategy examples/my-strategy.ts --smoke --config n32-k8
 *
 * It teaches the truth table of the secret in two ways, on an empty background and on a random one, and starts from
 * small weights.
 */
import {
  type BitMatrix,
  backgroundColumns,
  concatRows,
  defineStrategy,
  Generator,
  init,
  parity,
  randomizeColumns,
  truthTable,
} from 'lockstep-gpu/bench';

export default defineStrategy({
  name: 'my-strategy',
  description: 'mostly the truth table on zeros, some of it on random backgrounds',

  // Called once a run. The layers already hold PyTorch's default weights; overwrite what you want otherwise. Draw from
  // the model's own generator, so that the seed alone decides.
  initModel({ hidden, output, generator }, task) {
    init.kaimingNormal_(hidden.weight, { nonlinearity: 'relu' }, generator);
    init.scale_(hidden.weight, Math.sqrt(task.nFeatures / task.secretSize));
    init.zeros_(hidden.bias);
    init.normal_(output.weight, 0, 1 / Math.sqrt(task.hiddenWidth), generator);
    init.zeros_(output.bias);
  },

  // Called once a secret: `secret` lists the coordinates whose sum mod 2 is the label. Rows of numbers, flat arrays
  // with a shape and packed bits are all taken; packed bits are the smallest and fastest.
  makeDataset(secret, task, seed) {
    const clean = truthTable(secret, task.nFeatures, 15);
    const noisy = truthTable(secret, task.nFeatures, 1);
    randomizeColumns(noisy, backgroundColumns(secret, task.nFeatures), new Generator(seed));
    const x: BitMatrix = concatRows(clean, noisy);
    return { x, y: parity(x, secret) };
  },

  // AdamW's settings.
  getOptimizerConfig() {
    return { lr: 0.01, wd: 0.3, beta1: 0.9, beta2: 0.95 };
  },
});

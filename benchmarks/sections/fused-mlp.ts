/**
 * One training step of one two-layer network with autograd and AdamW: composed of linear, relu, sigmoid and bceLoss,
 * against the fused operation on floats and on packed bits. training-step.ts measures the trainer of many runs.
 */
import { BitMatrix, bceLoss, Generator, nn, optim, sigmoid, type Tensor, tensor } from 'lockstep-gpu';
import type { Context, Report, Section } from '../section.js';
import { fixed, ratio, spread } from '../statistics.js';
import { type StepTime, timeSteps } from '../step-time.js';

const BATCH = 128;
const HIDDEN = 512;

interface Variant {
  name: string;
  step: () => void;
  times: StepTime[];
}

function variantsOf(n: number): Variant[] {
  const bits = BitMatrix.random(BATCH, n, new Generator(1));
  const packed = tensor(bits.words, { shape: [BATCH, bits.wordsPerRow] });
  const dense = Float32Array.from({ length: BATCH * n }, (_, i) => bits.get(Math.floor(i / n), i % n));
  const floats = tensor(dense, { shape: [BATCH, n] });
  const y = tensor(
    Float32Array.from({ length: BATCH }, (_, i) => i % 2),
    { shape: [BATCH, 1] },
  );

  const variant = (name: string, model: nn.Module, lossOf: () => Tensor): Variant => {
    const optimizer = new optim.AdamW(model.parameters(), { lr: 1e-3 });
    const step = () => {
      optimizer.zeroGrad();
      using loss = lossOf();
      loss.backward();
      optimizer.step();
    };
    return { name, step, times: [] };
  };
  const composed = new nn.Sequential(new nn.Linear(n, HIDDEN), new nn.ReLU(), new nn.Linear(HIDDEN, 1));
  const fused = new nn.FusedMlp(n, HIDDEN);
  return [
    variant('composed', composed, () => bceLoss(sigmoid(composed.forward(floats)), y)),
    variant('fused', fused, () => fused.bceLoss(floats, y)),
    variant('bits', fused, () => fused.bceLoss(packed, y)),
  ];
}

async function run({ device, rounds, quick, say }: Context): Promise<Report> {
  const results: { features: number; variants: Variant[] }[] = [];
  for (const features of quick ? [64] : [32, 50, 64]) {
    const variants = variantsOf(features);
    for (let round = 1; round <= rounds; round++) {
      say(`n${features}, round ${round} of ${rounds}`);
      for (const each of variants) each.times.push(await timeSteps(device, quick ? 20 : 100, each.step));
    }
    results.push({ features, variants });
  }
  const walls = ({ times }: Variant) => times.map(({ wall }) => wall);
  const processors = ({ times }: Variant) => times.map(({ processor }) => processor);
  return {
    samples: results,
    tables: [
      {
        title: `A step of one model with autograd: milliseconds, batch ${BATCH}, W ${HIDDEN}, AdamW`,
        head: ['N', 'input', 'wall', 'processor', 'composed over this: wall', 'processor'],
        rows: results.flatMap(({ features, variants }) =>
          variants.map((each) => [
            features,
            each.name,
            spread(walls(each), 2),
            spread(processors(each), 2),
            fixed(ratio(walls(variants[0]), walls(each))),
            fixed(ratio(processors(variants[0]), processors(each))),
          ]),
        ),
        notes: [
          "Host's clock; processor time of all threads, the CPU driver's among them. Steps without waits between.",
        ],
      },
    ],
  };
}

export const fusedMlp: Section = { name: 'fused', title: 'One model, composed and fused', run };

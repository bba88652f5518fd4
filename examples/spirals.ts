// Two interleaved spirals, told apart by a small network with softmax and cross-entropy, in mini-batches.
import {
  argmax,
  cast,
  crossEntropy,
  eq,
  Generator,
  indexSelect,
  mean,
  nn,
  noGrad,
  openDevice,
  optim,
  randperm,
  scope,
  slice,
  softmax,
  tensor,
} from 'lockstep-gpu';

const POINTS = 400;
const BATCH = 100;
const EPOCHS = 90;

/** Point i of class i % 2: an angle, a radius that grows with it, and a little noise. */
function spirals(generator: Generator): { points: number[][]; classes: number[] } {
  const noise = new Float32Array(2 * POINTS);
  generator.normal(noise, 0, 0.03);
  const classes = Array.from({ length: POINTS }, (_, i) => i % 2);
  const points = classes.map((side, i) => {
    const t = (i / POINTS) * 2 * Math.PI;
    const angle = 1.5 * t + side * Math.PI;
    return [(t / 6) * Math.cos(angle) + noise[2 * i], (t / 6) * Math.sin(angle) + noise[2 * i + 1]];
  });
  return { points, classes };
}

const device = await openDevice();
const generator = new Generator(1);
const { points, classes } = spirals(generator);
const x = tensor(points);
const y = tensor(classes, { dtype: 'i32' });
const model = new nn.Sequential(
  new nn.Linear(2, 64, { generator }),
  new nn.Tanh(),
  new nn.Linear(64, 64, { generator }),
  new nn.Tanh(),
  new nn.Linear(64, 2, { generator }),
);
const optimizer = new optim.AdamW(model.parameters(), { lr: 0.02 });
const schedule = new optim.CosineAnnealingLR(optimizer, { tMax: EPOCHS });

for (let epoch = 0; epoch < EPOCHS; epoch++) {
  const loss = scope(() => {
    const order = randperm(POINTS, { generator });
    let last = tensor(0);
    for (let start = 0; start < POINTS; start += BATCH) {
      const batch = slice(order, 0, start, start + BATCH);
      optimizer.zeroGrad();
      last = crossEntropy(model(indexSelect(x, 0, batch)), indexSelect(y, 0, batch));
      last.backward();
      optimizer.step();
    }
    return last;
  });
  schedule.step();
  if (epoch % 30 === 29) console.log(`epoch ${epoch + 1}: loss ${(await loss.item()).toFixed(4)}`);
}

const { accuracy, first } = noGrad(() =>
  scope(() => {
    const logits = model(x);
    return {
      accuracy: mean(cast(eq(argmax(logits, 1), y), 'f32')),
      first: softmax(slice(logits, 0, 0, 2)),
    };
  }),
);
console.log(`accuracy ${(await accuracy.item()).toFixed(4)}`);
console.log('probabilities of the first two points', await first.toArray());
device.destroy();

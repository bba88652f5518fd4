// 64 residual networks with layer normalization, trained at once, each with its own weights and learning rate.
import {
  add,
  argmax,
  cast,
  crossEntropy,
  eq,
  Generator,
  mean,
  nn,
  noGrad,
  openDevice,
  optim,
  relu,
  scope,
  sum,
  type Tensor,
  tensor,
  vmap,
} from 'lockstep-gpu';

const MODELS = 64;
const WIDTH = 16;
const POINTS = 64;
const STEPS = 40;

/** x + Linear(relu(Linear(LayerNorm(x)))), written for one network. */
class Residual extends nn.Module {
  readonly norm = new nn.LayerNorm(WIDTH);
  readonly up: nn.Linear;
  readonly down: nn.Linear;

  constructor(generator: Generator) {
    super();
    this.up = new nn.Linear(WIDTH, 2 * WIDTH, { generator });
    this.down = new nn.Linear(2 * WIDTH, WIDTH, { generator });
  }

  override forward(x: Tensor): Tensor {
    return add(x, this.down(relu(this.up(this.norm(x)))));
  }
}

/** A network of the weights that PyTorch would draw for this seed. */
function network(seed: number): nn.Sequential {
  const generator = new Generator(seed);
  return new nn.Sequential(
    new nn.Linear(2, WIDTH, { generator }),
    new Residual(generator),
    new Residual(generator),
    new nn.LayerNorm(WIDTH),
    new nn.Linear(WIDTH, 2, { generator }),
  );
}

/** Two interleaved half circles, and which of them each point is on. */
function moons(generator: Generator): { x: Tensor; y: Tensor } {
  const noise = new Float32Array(2 * POINTS);
  generator.normal(noise, 0, 0.1);
  const points = Array.from({ length: POINTS }, (_, i) => {
    const angle = (Math.PI * Math.floor(i / 2)) / (POINTS / 2);
    const [a, b] =
      i % 2 === 0 ? [Math.cos(angle), Math.sin(angle)] : [1 - Math.cos(angle), 0.5 - Math.sin(angle)];
    return [a + noise[2 * i], b + noise[2 * i + 1]];
  });
  return {
    x: tensor(points),
    y: tensor(
      points.map((_, i) => i % 2),
      { dtype: 'i32' },
    ),
  };
}

const device = await openDevice();
const train = moons(new Generator(1));
const test = moons(new Generator(2));
const rates = Array.from({ length: MODELS }, (_, k) => 10 ** (-4 + (4 * k) / (MODELS - 1)));
const model = nn.stack(MODELS, network); // every parameter is [64, ...]
const optimizer = new optim.AdamW(model.parameters(), { lr: rates });
const lossOfEach = vmap(crossEntropy, { inAxes: [0, null] });

for (let step = 1; step <= STEPS; step++) {
  optimizer.zeroGrad();
  const losses = scope(() => lossOfEach(model(train.x), train.y)); // [64]
  sum(losses).backward();
  optimizer.step();
  if (step % 20 === 0) {
    const all = await losses.data();
    console.log(`step ${step}: loss ${Math.min(...all).toFixed(4)} to ${Math.max(...all).toFixed(4)}`);
  }
}

const accuracyOfEach = vmap((logits: Tensor, y: Tensor) => mean(cast(eq(argmax(logits, 1), y), 'f32')), {
  inAxes: [0, null],
});
const accuracies = await noGrad(() => scope(() => accuracyOfEach(model(test.x), test.y))).data();
for (const k of [0, 21, 42, 63]) {
  console.log(`learning rate ${rates[k].toExponential(1)}: test accuracy ${accuracies[k].toFixed(4)}`);
}

const best = accuracies.indexOf(Math.max(...accuracies));
const alone = model.unstack(best); // an ordinary nn.Sequential
const { x, y } = test;
const again = await scope(() => mean(cast(eq(argmax(alone(x), 1), y), 'f32'))).item();
console.log(
  `best: learning rate ${rates[best].toExponential(1)}, alone its test accuracy is ${again.toFixed(4)}`,
);
device.destroy();

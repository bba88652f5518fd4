// Milliseconds a training step of the two-layer network: composed of linear, relu, sigmoid and bceLoss, against
// fusedMlpBce on floats and on bits. Batch 128, W 512, AdamW. Run: npx jiti benchmarks/fused-mlp.ts
import {
  bceLoss,
  type Device,
  nn,
  openDevice,
  optim,
  randint,
  sigmoid,
  type Tensor,
  tensor,
} from 'lockstep-gpu';

const BATCH = 128;
const HIDDEN = 512;
const STEPS = 100;
const ROUNDS = 3;

async function timed(device: Device, step: () => Tensor): Promise<number> {
  for (let i = 0; i < 20; i++) step();
  await device.sync();
  const rounds: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    for (let i = 0; i < STEPS; i++) step();
    await device.sync();
    rounds.push((performance.now() - start) / STEPS);
  }
  return Math.min(...rounds);
}

async function measure(device: Device, n: number): Promise<string> {
  const bits = await randint(0, 2, [BATCH, n]).data();
  const perRow = Math.ceil(n / 32);
  const words = new Uint32Array(BATCH * perRow);
  bits.forEach((bit, at) => {
    words[Math.floor(at / n) * perRow + ((at % n) >>> 5)] |= bit << ((at % n) & 31);
  });
  const floats = tensor(Float32Array.from(bits), { shape: [BATCH, n] });
  const packed = tensor(words, { shape: [BATCH, perRow] });
  const y = tensor(Float32Array.from(await randint(0, 2, [BATCH]).data()), { shape: [BATCH, 1] });

  const training = (parameters: Tensor[], lossOf: () => Tensor) => {
    const optimizer = new optim.AdamW(parameters, { lr: 1e-3 });
    return () => {
      optimizer.zeroGrad();
      const loss = lossOf();
      loss.backward();
      optimizer.step();
      return loss;
    };
  };
  const composed = new nn.Sequential(new nn.Linear(n, HIDDEN), new nn.ReLU(), new nn.Linear(HIDDEN, 1));
  const fused = new nn.FusedMlp(n, HIDDEN);
  const times = [
    await timed(
      device,
      training(composed.parameters(), () => bceLoss(sigmoid(composed.forward(floats)), y)),
    ),
    await timed(
      device,
      training(fused.parameters(), () => fused.bceLoss(floats, y)),
    ),
    await timed(
      device,
      training(fused.parameters(), () => fused.bceLoss(packed, y)),
    ),
  ];
  return [String(n).padStart(4), ...times.map((ms) => ms.toFixed(3).padStart(9))].join(' |');
}

const device = await openDevice();
console.log(
  `${device.info.description || device.info.device}; milliseconds a step, host clock, best of ${ROUNDS}`,
);
console.log('   N | composed |    fused |     bits');
for (const n of [32, 50, 64]) console.log(await measure(device, n));
device.destroy();

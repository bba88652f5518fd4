// The first example of the README: learns exclusive or. In a clone: `npm run build`, then `npx jiti examples/xor.ts`.
import { bceLoss, nn, openDevice, optim, tensor } from 'lockstep-gpu';

const device = await openDevice(); // the first device opened is the default; { device } overrides
const x = tensor([[0, 0], [0, 1], [1, 0], [1, 1]]);
const y = tensor([[0], [1], [1], [0]]);
const model = new nn.Sequential(new nn.Linear(2, 32), new nn.Tanh(), new nn.Linear(32, 1), new nn.Sigmoid());
const optimizer = new optim.AdamW(model.parameters(), { lr: 0.05 });

for (let step = 0; step < 200; step++) {
  optimizer.zeroGrad();
  const loss = bceLoss(model(x), y);
  loss.backward();
  optimizer.step();
  if (step % 50 === 0) console.log(step, await loss.item());
}
device.destroy();

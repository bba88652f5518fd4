// An operation of one's own: GELU (Hendrycks and Gimpel 2016, the tanh form) as two WGSL kernels, one forward and one
// back, checked by gradcheck and used in a network like any other.
import {
  defineOp,
  gradcheck,
  mse,
  nn,
  openDevice,
  optim,
  randn,
  runKernel,
  scope,
  sum,
  type Tensor,
} from 'lockstep-gpu';

const shared = `
  const K = 0.7978845608; // sqrt(2 / pi)
  fn inner(x: f32) -> f32 { return tanh(clamp(K * (x + 0.044715 * x * x * x), -9.0, 9.0)); }`;

const forwardCode = `
  @group(0) @binding(0) var<uniform> n: vec4u;
  @group(0) @binding(1) var<storage, read> x: array<f32>;
  @group(0) @binding(2) var<storage, read_write> y: array<f32>;
  ${shared}
  @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    if (i < n.x) { y[i] = 0.5 * x[i] * (1.0 + inner(x[i])); }
  }`;

const backwardCode = `
  @group(0) @binding(0) var<uniform> n: vec4u;
  @group(0) @binding(1) var<storage, read> x: array<f32>;
  @group(0) @binding(2) var<storage, read> g: array<f32>;
  @group(0) @binding(3) var<storage, read_write> dx: array<f32>;
  ${shared}
  @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
    let i = id.x;
    if (i < n.x) {
      let t = inner(x[i]);
      let slope = K * (1.0 + 3.0 * 0.044715 * x[i] * x[i]);
      dx[i] = g[i] * (0.5 * (1.0 + t) + 0.5 * x[i] * (1.0 - t * t) * slope);
    }
  }`;

const run = (label: string, code: string, inputs: Tensor[]) =>
  runKernel({
    label,
    code,
    inputs,
    params: Uint32Array.of(inputs[0].numel, 0, 0, 0),
    output: { shape: inputs[0].shape },
    workgroups: [Math.ceil(inputs[0].numel / 64)],
  });

const gelu = defineOp({
  name: 'gelu',
  forward: (save, x: Tensor) => {
    save(x);
    return run('gelu', forwardCode, [x]);
  },
  backward: (g, [x]) => [run('gelu gradient', backwardCode, [x, g])],
});

class Gelu extends nn.Module {
  override forward(x: Tensor): Tensor {
    return gelu(x);
  }
}

const device = await openDevice();
const exact = (v: number) => 0.5 * v * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v ** 3)));
await gradcheck(gelu, [randn([4, 5], { requiresGrad: true })], { rule: (x) => x.map(exact) });
console.log('gradcheck passed');

const x = randn([64, 4]);
const target = sum(x, 1, { keepdim: true });
const model = new nn.Sequential(new nn.Linear(4, 32), new Gelu(), new nn.Linear(32, 1));
const optimizer = new optim.Adam(model.parameters(), { lr: 0.02 });
for (let step = 0; step <= 200; step++) {
  const loss = scope(() => {
    optimizer.zeroGrad();
    const error = mse(model(x), target);
    error.backward();
    return error;
  });
  optimizer.step();
  if (step % 100 === 0) console.log(`step ${step}: loss ${(await loss.item()).toFixed(5)}`);
}
device.destroy();

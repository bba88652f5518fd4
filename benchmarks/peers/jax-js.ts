/**
 * The parity evaluation's network in jax-js: forward, mean BCE of the logits, gradients and AdamW for one model,
 * mapped over the models by `vmap`, compiled as one function by `jit`. The host sends indices, and the device gathers
 * a step's batch by them, as in the trainer that this is compared with.
 */
import './navigator.js';
import { bits, indices, ROWS, type StepAnswer, type StepRequest, uniform } from './request.js';
import { serve } from './serve.js';

// After navigator.ts: jax-js looks for WebGPU when it is loaded.
const jax = await import('@jax-js/jax');
const { blockUntilReady, defaultDevice, init, jit, nn, numpy: np, tree, valueAndGrad, vmap } = jax;
await init('webgpu');
defaultDevice('webgpu');

const NAMES = ['w1', 'b1', 'w2', 'b2'] as const;
// jax-js has no types here (modules.d.ts); a tree is an object of arrays.
// biome-ignore lint/suspicious/noExplicitAny: see above
type Tree = any;

// A function uses up the arrays that it takes; `.ref` keeps one.
const lossOf = ({ w1, b1, w2, b2 }: Tree, x: Tree, y: Tree) => {
  const hidden = nn.relu(np.matmul(x, np.transpose(w1)).add(b1));
  const z = np.matmul(hidden, w2).add(b2);
  const softplus = np.log1p(np.exp(np.negative(np.abs(z.ref))));
  return nn.relu(z.ref).sub(z.mul(y)).add(softplus).mean();
};
const gradient = valueAndGrad(lossOf);

const step = (state: Tree, rate: Tree, rows: Tree, labels: Tree, index: Tree) => {
  const [x, y] = [np.take(rows, index.ref, 0), np.take(labels, index, 0)];
  const [loss, gradients] = gradient(tree.ref(state.p), x, y);
  const next: Tree = { p: {}, m: {}, v: {}, loss: state.loss.add(loss) };
  for (const name of NAMES) {
    const g = gradients[name];
    const m = state.m[name].mul(0.9).add(g.ref.mul(0.1));
    const v = state.v[name].mul(0.999).add(g.ref.mul(g).mul(0.001));
    const change = m.ref.div(np.sqrt(v.ref).add(1e-8)).mul(rate.ref);
    next.p[name] = state.p[name].mul(1 - 1e-5).sub(change);
    next.m[name] = m;
    next.v[name] = v;
  }
  rate.dispose();
  return next;
};

interface Prepared {
  train: (state: Tree, rate: Tree, rows: Tree, labels: Tree, index: Tree) => Tree;
  state: Tree;
  rows: Tree;
  labels: Tree;
}

const prepared = new Map<string, Prepared>();

function prepare({ features, hidden, models }: StepRequest): Prepared {
  const shapes = { w1: [hidden, features], b1: [hidden], w2: [hidden], b2: [] };
  const filled = (scale: number) =>
    Object.fromEntries(
      Object.entries(shapes).map(([name, shape]: [string, number[]]) => {
        const whole = [models, ...shape];
        const count = whole.reduce((product, extent) => product * extent, 1);
        return [name, np.array(uniform(count, scale)).reshape(whole)];
      }),
    );
  return {
    train: jit(vmap(step, [0, null, null, null, 0])),
    state: { p: filled(0.2), m: filled(0), v: filled(0), loss: np.zeros([models]) },
    rows: np.array(bits(ROWS * features)).reshape([ROWS, features]),
    labels: np.array(bits(ROWS)),
  };
}

await serve<StepRequest>(async (request): Promise<StepAnswer> => {
  const { steps, ...shape } = request;
  const { models, batch } = shape;
  const key = JSON.stringify(shape);
  const known = prepared.get(key);
  const model = known ?? prepare(request);
  prepared.set(key, model);
  const run = async (count: number) => {
    const start = performance.now();
    for (let k = 0; k < count; k++) {
      const index = np.array(indices(models * batch)).reshape([models, batch]);
      model.state = model.train(model.state, np.array(1e-3), model.rows.ref, model.labels.ref, index);
    }
    await blockUntilReady(tree.ref(model.state));
    return performance.now() - start;
  };
  const compileMs = known ? 0 : await run(1);
  return { compileMs, ms: (await run(steps)) / steps / request.models };
});

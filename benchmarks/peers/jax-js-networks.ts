/**
 * Networks of any shape (networks.ts) in jax-js: a model's step, mapped over the models by `vmap` and compiled as one
 * function by `jit`. Batches are gathered on the device by indices that the host sends.
 */
import './navigator.js';
import type { NetworkCase } from '../networks.js';
import { uniform } from './request.js';
import {
  examplesOf,
  isClass,
  momentsOf,
  type PreparedNetworks,
  ROWS,
  serveNetworks,
  shapesOf,
} from './request-networks.js';

// After navigator.ts: it looks for WebGPU when it is loaded.
const jax = await import('@jax-js/jax');
const { blockUntilReady, defaultDevice, grad, init, jit, nn, numpy: np, tree, vmap } = jax;
await init('webgpu');
defaultDevice('webgpu');

// jax-js has no types here (modules.d.ts); a tree is an object of arrays.
// biome-ignore lint/suspicious/noExplicitAny: see above
type Tree = any;

const ACTIVATIONS = {
  relu: nn.relu,
  tanh: np.tanh,
  gelu: (x: Tree) => nn.gelu(x, { approximate: false }),
};

// An array is used up by the function that takes it; `.ref` keeps it.
function lossOf(one: NetworkCase) {
  const losses = {
    mse: (z: Tree, y: Tree) => np.square(z.sub(y)),
    hinge: (z: Tree, y: Tree) => nn.relu(np.array(1).sub(z.mul(y))),
    bceWithLogits: (z: Tree, y: Tree) => {
      const softplus = np.log1p(np.exp(np.negative(np.abs(z.ref))));
      return nn.relu(z.ref).sub(z.mul(y)).add(softplus);
    },
  };
  const { loss } = one;
  const classes = one.widths[one.widths.length - 1];
  if (loss !== 'crossEntropy') {
    return (z: Tree, y: Tree) => losses[loss](z.reshape([one.batch]), y).mean();
  }
  return (z: Tree, y: Tree) => np.negative(nn.logSoftmax(z).mul(nn.oneHot(y, classes)).sum()).div(one.batch);
}

function update({ optimizer: o }: NetworkCase, p: Tree, moments: Tree[], g: Tree): [Tree, Tree[]] {
  if (o.type === 'adamw') {
    const m = moments[0].mul(0.9).add(g.ref.mul(0.1));
    const v = moments[1].mul(0.999).add(g.ref.mul(g).mul(0.001));
    const change = m.ref.div(np.sqrt(v.ref).add(1e-8)).mul(o.lr);
    return [p.mul(1 - o.lr * o.weightDecay).sub(change), [m, v]];
  }
  const decayed = g.add(p.ref.mul(o.weightDecay));
  if (o.momentum === 0) return [p.sub(decayed.mul(o.lr)), []];
  const m = moments[0].mul(o.momentum).add(decayed);
  return [p.sub(m.ref.mul(o.lr)), [m]];
}

function stepOf(one: NetworkCase) {
  const loss = lossOf(one);
  const last = shapesOf(one).length / 2 - 1;
  const forward = (p: Tree, x: Tree, y: Tree) => {
    let out = x;
    for (let l = 0; l <= last; l++) {
      out = np.matmul(out, p[`w${l}`]).add(p[`b${l}`]);
      if (l < last) out = ACTIVATIONS[one.activation](out);
    }
    return loss(out, y);
  };
  const gradient = grad(forward);
  return (state: Tree, rows: Tree, targets: Tree, index: Tree) => {
    const [x, y] = [np.take(rows, index.ref, 0), np.take(targets, index, 0)];
    const gradients = gradient(tree.ref(state.p), x, y);
    const next: Tree = { p: {}, moments: {} };
    for (const name of Object.keys(state.p)) {
      [next.p[name], next.moments[name]] = update(one, state.p[name], state.moments[name], gradients[name]);
    }
    return next;
  };
}

function prepare(one: NetworkCase, models: number): PreparedNetworks {
  let state: Tree = { p: {}, moments: {} };
  shapesOf(one).forEach(([rows, columns], k) => {
    const name = `${k % 2 === 0 ? 'w' : 'b'}${k >> 1}`;
    const array = (scale: number) =>
      np.array(uniform(models * rows * columns, scale)).reshape([models, rows, columns]);
    state.p[name] = array(0.2);
    state.moments[name] = Array.from({ length: momentsOf(one) }, () => array(0));
  });
  const { x, y } = examplesOf(one);
  const rows = np.array(x).reshape([ROWS, one.widths[0]]);
  const targets = isClass(one) ? np.array(y, { dtype: np.int32 }) : np.array(y);
  const train = jit(vmap(stepOf(one), [0, null, null, 0]));
  const step = () => {
    const count = models * one.batch;
    const index = Int32Array.from({ length: count }, () => Math.floor(Math.random() * ROWS));
    const places = np.array(index).reshape([models, one.batch]);
    state = train(state, rows.ref, targets.ref, places);
  };
  return { step, done: () => blockUntilReady(tree.ref(state)) };
}

await serveNetworks(prepare);

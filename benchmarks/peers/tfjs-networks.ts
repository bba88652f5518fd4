/**
 * Networks of any shape (networks.ts) in TensorFlow.js on its WebGPU backend. It has no vmap; all models are stacked by
 * hand, in products of batches of matrices. Batches are gathered on the device by indices that the host sends.
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

// After navigator.ts: they look for WebGPU when they are loaded.
const tf = await import('@tensorflow/tfjs');
await import('@tensorflow/tfjs-backend-webgpu');
await tf.setBackend('webgpu');
await tf.ready();

// biome-ignore lint/suspicious/noExplicitAny: TensorFlow.js has no types here (modules.d.ts)
type Tensor = any;

const ACTIVATIONS = {
  relu: tf.relu,
  tanh: tf.tanh,
  gelu: (x: Tensor) => tf.mul(tf.mul(x, 0.5), tf.add(1, tf.erf(tf.mul(x, Math.SQRT1_2)))),
};

/** The sum of each model's mean. */
function lossOf(one: NetworkCase) {
  const losses = {
    mse: (z: Tensor, y: Tensor) => tf.square(tf.sub(z, y)),
    hinge: (z: Tensor, y: Tensor) => tf.relu(tf.sub(1, tf.mul(z, y))),
    bceWithLogits: (z: Tensor, y: Tensor) =>
      tf.add(tf.sub(tf.relu(z), tf.mul(z, y)), tf.log1p(tf.exp(tf.neg(tf.abs(z))))),
  };
  const { loss, batch } = one;
  const classes = one.widths[one.widths.length - 1];
  if (loss !== 'crossEntropy') {
    return (z: Tensor, y: Tensor) => tf.div(tf.sum(losses[loss](tf.squeeze(z, [2]), y)), batch);
  }
  return (z: Tensor, y: Tensor) =>
    tf.div(tf.neg(tf.sum(tf.mul(tf.logSoftmax(z), tf.oneHot(y, classes)))), batch);
}

function update({ optimizer: o }: NetworkCase, weight: Tensor, moments: Tensor[], g: Tensor): void {
  if (o.type === 'adamw') {
    const [m, v] = moments;
    m.assign(tf.add(tf.mul(m, 0.9), tf.mul(g, 0.1)));
    v.assign(tf.add(tf.mul(v, 0.999), tf.mul(tf.square(g), 0.001)));
    const change = tf.mul(tf.div(m, tf.add(tf.sqrt(v), 1e-8)), o.lr);
    weight.assign(tf.sub(tf.mul(weight, 1 - o.lr * o.weightDecay), change));
    return;
  }
  let direction = tf.add(g, tf.mul(weight, o.weightDecay));
  if (o.momentum > 0) {
    moments[0].assign(tf.add(tf.mul(moments[0], o.momentum), direction));
    [direction] = moments;
  }
  weight.assign(tf.sub(weight, tf.mul(direction, o.lr)));
}

function prepare(one: NetworkCase, models: number): PreparedNetworks {
  const made = (shape: number[], scale: number) =>
    tf.variable(tf.tensor(uniform(models * shape[0] * shape[1], scale), [models, ...shape]));
  const weights = shapesOf(one).map((shape) => made(shape, 0.2));
  const moments = shapesOf(one).map((shape) => Array.from({ length: momentsOf(one) }, () => made(shape, 0)));
  const { x, y } = examplesOf(one);
  const rows = tf.tensor(x, [ROWS, one.widths[0]]);
  const targets = tf.tensor(y, [ROWS], isClass(one) ? 'int32' : 'float32');
  const loss = lossOf(one);
  const forward = (input: Tensor) => {
    let out = input;
    for (let k = 0; k < weights.length; k += 2) {
      out = tf.add(tf.matMul(out, weights[k]), weights[k + 1]);
      if (k + 2 < weights.length) out = ACTIVATIONS[one.activation](out);
    }
    return out;
  };
  const step = () =>
    tf.tidy(() => {
      const count = models * one.batch;
      const places = Int32Array.from({ length: count }, () => Math.floor(Math.random() * ROWS));
      const index = tf.tensor(places, [models, one.batch], 'int32');
      const [batch, wanted] = [tf.gather(rows, index), tf.gather(targets, index)];
      const { grads } = tf.variableGrads(() => loss(forward(batch), wanted), weights);
      weights.forEach((weight, k) => {
        update(one, weight, moments[k], grads[weight.name]);
      });
    });
  return { step, done: () => weights[weights.length - 1].data() };
}

await serveNetworks(prepare);

/**
 * The parity evaluation's network in TensorFlow.js on its WebGPU backend: forward, mean BCE of the logits, gradients
 * and AdamW, which it lacks, written out. It has no vmap; all models are stacked by hand, in products of batches of
 * matrices. The host sends indices, and the device gathers a step's batch by them, as in the trainer that this is
 * compared with.
 */
import './navigator.js';
import { bits, indices, ROWS, type StepAnswer, type StepRequest, uniform } from './request.js';
import { serve } from './serve.js';

// After navigator.ts: they look for WebGPU when they are loaded.
const tf = await import('@tensorflow/tfjs');
await import('@tensorflow/tfjs-backend-webgpu');
await tf.setBackend('webgpu');
await tf.ready();

interface Prepared {
  step(): void;
  done(): Promise<unknown>;
}

const prepared = new Map<string, Prepared>();

function prepare({ features, hidden, batch, models }: StepRequest): Prepared {
  const shapes = [
    [models, features, hidden],
    [models, 1, hidden],
    [models, hidden, 1],
    [models, 1, 1],
  ];
  const filled = (scale: number) =>
    shapes.map((shape) => {
      const count = shape.reduce((product, extent) => product * extent, 1);
      return tf.variable(tf.tensor(uniform(count, scale), shape));
    });
  const [weights, means, squares] = [filled(0.2), filled(0), filled(0)];
  const rows = tf.tensor(bits(ROWS * features), [ROWS, features]);
  const labels = tf.tensor(bits(ROWS), [ROWS, 1]);
  // biome-ignore lint/suspicious/noExplicitAny: TensorFlow.js has no types here (modules.d.ts)
  const loss = (x: any, y: any) => {
    const [w1, b1, w2, b2] = weights;
    const z = tf.add(tf.matMul(tf.relu(tf.add(tf.matMul(x, w1), b1)), w2), b2);
    const softplus = tf.log1p(tf.exp(tf.neg(tf.abs(z))));
    return tf.sum(tf.mean(tf.add(tf.sub(tf.relu(z), tf.mul(z, y)), softplus), 1));
  };
  const step = () =>
    tf.tidy(() => {
      const index = tf.tensor(indices(models * batch), [models, batch], 'int32');
      const [x, y] = [tf.gather(rows, index), tf.gather(labels, index)];
      const { grads } = tf.variableGrads(() => loss(x, y), weights);
      weights.forEach((weight, k) => {
        const g = grads[weight.name];
        means[k].assign(tf.add(tf.mul(means[k], 0.9), tf.mul(g, 0.1)));
        squares[k].assign(tf.add(tf.mul(squares[k], 0.999), tf.mul(tf.square(g), 0.001)));
        const change = tf.mul(tf.div(means[k], tf.add(tf.sqrt(squares[k]), 1e-8)), 1e-3);
        weight.assign(tf.sub(tf.mul(weight, 1 - 1e-5), change));
      });
    });
  return { step, done: () => weights[3].data() };
}

await serve<StepRequest>(async (request): Promise<StepAnswer> => {
  const { steps, ...shape } = request;
  const key = JSON.stringify(shape);
  const known = prepared.get(key);
  const model = known ?? prepare(request);
  prepared.set(key, model);
  const run = async (count: number) => {
    const start = performance.now();
    for (let k = 0; k < count; k++) model.step();
    await model.done();
    return performance.now() - start;
  };
  const compileMs = known ? 0 : await run(1);
  return { compileMs, ms: (await run(steps)) / steps / request.models };
});

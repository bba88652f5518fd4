// A call that works of every function, class and method of the public API, and where in it options stand. What the
// sweeps beside this file go over; a new export without an entry fails them.
import * as bench from '../../src/bench/index.js';
import * as api from '../../src/index.js';

export interface Call {
  /** Arguments that work, made anew for every call. */
  args: () => unknown[];
  run: (...args: never[]) => unknown;
  /** Places of options objects among the arguments. */
  options: readonly number[];
}

type Functions = Record<string, (...args: never[]) => unknown>;
type Classes = Record<string, new (...args: never[]) => unknown>;

export const calls: Record<string, Call> = {};

/** A function of a module. */
function fn(
  prefix: string,
  module: unknown,
  name: string,
  args: () => unknown[],
  ...options: number[]
): void {
  calls[prefix + name] = { args, run: (module as Functions)[name], options };
}

/** A class of a module. */
function made(
  prefix: string,
  module: unknown,
  name: string,
  args: () => unknown[],
  ...options: number[]
): void {
  const Class = (module as Classes)[name];
  calls[prefix + name] = { args, run: (...given) => new Class(...given), options };
}

/** A method of what `on` gives. */
function method(name: string, on: () => unknown, args: () => unknown[], ...options: number[]): void {
  const key = name.slice(name.lastIndexOf('.') + 1);
  calls[name] = { args, run: (...given) => (on() as Functions)[key](...given), options };
}

const x = () => api.tensor([[1, 2], [3, 4]]); // biome-ignore format: a matrix
const p = () => api.tensor([[0.2, 0.4]], { requiresGrad: true });
const y = () => api.tensor([[0, 1]]);
const bools = () => api.tensor([[true, false], [false, true]]); // biome-ignore format: a matrix
const leaf = () => api.tensor([[1, 2], [3, 4]], { requiresGrad: true }); // biome-ignore format: a matrix
const numbers = (...list: number[]) => api.tensor(list, { dtype: 'i32' });
const device = () => api.defaultDevice();
const generator = () => new api.Generator(1);
const host = () => api.ndarray(4, 4);

// Tensors.
fn('', api, 'tensor', () => [[1, 2], { dtype: 'f32', shape: [2], device: device(), requiresGrad: true }], 1);
fn('', api, 'full', () => [[2, 2], 1, { dtype: 'f32', device: device(), requiresGrad: false }], 2);
fn('', api, 'zeros', () => [[2, 2], { dtype: 'i32' }], 1);
fn('', api, 'ones', () => [[2, 2], { dtype: 'u32' }], 1);
fn('', api, 'eye', () => [2, { dtype: 'f32' }], 1);
fn('', api, 'arange', () => [0, 4, 1, { dtype: 'f32' }], 3);
fn('', api, 'rand', () => [[2], { generator: generator(), requiresGrad: true }], 1);
fn('', api, 'randn', () => [[2], { device: device() }], 1);
fn('', api, 'randint', () => [0, 4, [2], { generator: generator() }], 3);
fn('', api, 'randperm', () => [4, { generator: generator() }], 1);
fn('', api, 'manualSeed', () => [0]);
fn('', api, 'ndarray', () => [2, 2]);
const storage = () => device().allocate('test', 16, 140 /* STORAGE, COPY_SRC, COPY_DST */);
fn('', api, 'fromBuffer', () => [storage(), [2, 2], { dtype: 'f32', device: device() }], 2);
fn('', api, 'copyToBuffer', () => [x(), storage(), 0]);
fn('', api, 'copy_', () => [x(), new Float32Array(4)]);
fn('', api, 'scope', () => [() => 1]);
fn('', api, 'noGrad', () => [() => 1]);
fn('', api, 'setDebug', () => [false]);

for (const name of ['clone', 'detach', 'dispose', 'toString']) method(`Tensor.${name}`, x, () => []);
for (const name of ['data', 'toArray']) {
  method(`Tensor.${name}`, x, () => [{ expectedMs: 0, submitted: performance.now() }], 0);
}
method(
  'Tensor.item',
  () => api.tensor(1),
  () => [{ expectedMs: 0 }],
  0,
);
method(
  'Tensor.backward',
  () => api.mul(p(), 2),
  () => [{ gradient: y(), retainGraph: false }],
  0,
);

// Operations.
for (const name of [
  'add',
  'sub',
  'mul',
  'div',
  'pow',
  'maximum',
  'minimum',
  'eq',
  'ne',
  'lt',
  'le',
  'gt',
  'ge',
]) {
  fn('', api, name, () => [x(), x()]);
}
for (const name of [
  'neg',
  'exp',
  'log',
  'sqrt',
  'abs',
  'sign',
  'relu',
  'sigmoid',
  'tanh',
  'softplus',
  'contiguous',
  'sin',
  'cos',
  'round',
  'silu',
  'zerosLike',
]) {
  fn('', api, name, () => [x()]);
}
fn('', api, 'gelu', () => [x(), { approximate: 'tanh' }], 1);
fn('', api, 'maskedFill', () => [x(), bools(), 0]);
fn('', api, 'unsqueeze', () => [x(), 0]);
fn('', api, 'squeeze', () => [x(), 0]);
fn('', api, 'permute', () => [x(), [1, 0]]);
fn('', api, 'stack', () => [[x(), x()], 0]);
fn('', api, 'split', () => [x(), 1, 0]);
fn('', api, 'gather', () => [x(), 0, api.tensor([[0, 1]], { dtype: 'i32' })]);
fn('', api, 'oneHot', () => [numbers(1, 0), 2]);
fn('', api, 'cumsum', () => [x(), 0]);
for (const name of ['variance', 'std'])
  fn('', api, name, () => [x(), 1, { correction: 0, keepdim: true }], 2);
fn('', api, 'norm', () => [x(), 1, { p: 1, keepdim: true }], 2);
fn('', api, 'layerNorm', () => [x(), [2], { eps: 0.1, weight: api.ones([2]), bias: api.ones([2]) }], 2);
fn('', api, 'logsumexp', () => [x(), 1, { keepdim: true }], 2);
fn('', api, 'leakyRelu', () => [x(), { negativeSlope: 0.1 }], 1);
fn('', api, 'clamp', () => [x(), 0, 1]);
fn('', api, 'cast', () => [x(), 'i32']);
fn('', api, 'where', () => [bools(), x(), x()]);
for (const name of ['sum', 'mean', 'max', 'min', 'argmax', 'argmin'])
  fn('', api, name, () => [x(), 1, { keepdim: true }], 2);
for (const name of ['softmax', 'logSoftmax']) fn('', api, name, () => [x(), 1]);
fn('', api, 'matmul', () => [x(), x(), {}], 2);
fn('', api, 'linear', () => [x(), x(), api.tensor([1, 2])]);
fn('', api, 'reshape', () => [x(), [4]]);
fn('', api, 'transpose', () => [x(), 0, 1]);
fn('', api, 'expand', () => [api.tensor([1, 2]), [2, 2]]);
fn('', api, 'slice', () => [x(), 0, 0, 1]);
fn('', api, 'concat', () => [[x(), x()], 0]);
fn('', api, 'indexSelect', () => [x(), 0, numbers(1, 0)]);
for (const name of ['bceLoss', 'bceWithLogits', 'mse', 'l1', 'hinge', 'huber', 'smoothL1'])
  fn('', api, name, () => [p(), y(), { reduction: 'sum' }], 2);
fn('', api, 'nll', () => [x(), numbers(1, 0), { ignoreIndex: 1 }], 2);
fn('', api, 'crossEntropy', () => [x(), numbers(1, 0), { reduction: 'mean' }], 2);
const network = () => [api.ones([2, 2]), api.zeros([2]), api.ones([1, 2]), api.zeros([1])];
fn('', api, 'fusedMlp', () => [x(), ...network()]);
fn('', api, 'fusedMlpBce', () => [x(), api.tensor([0, 1]), ...network()]);
const square = () => ({
  name: 'square',
  forward: (save: (...tensors: api.Tensor[]) => void, t: api.Tensor) => {
    save(t);
    return api.mul(t, t);
  },
  backward: (g: api.Tensor, [t]: readonly api.Tensor[]) => [api.mul(g, api.mul(t, 2))],
});
fn('', api, 'vmap', () => [api.neg, { inAxes: [0] }], 1);
fn('', api, 'defineOp', () => [square()], 0);
const rule = ([t]: Float64Array) => [t * t];
const gradcheckOptions = () => ({ rule, eps: 1e-4, atol: 1e-3, rtol: 1e-3 });
const scalar = () => api.tensor([2], { requiresGrad: true });
fn('', api, 'gradcheck', () => [(t: api.Tensor) => api.mul(t, t), [scalar()], gradcheckOptions()], 2);
const code = `
  @group(0) @binding(1) var<storage, read> a: array<f32>;
  @group(0) @binding(2) var<storage, read_write> b: array<f32>;
  @compute @workgroup_size(4) fn main(@builtin(local_invocation_index) i: u32) { b[i] = a[i]; }`;
const kernel = () => ({ label: 'k', code, inputs: [x()], output: { shape: [2, 2] }, workgroups: [1] });
fn('', api, 'runKernel', () => [kernel()], 0);

// Devices and profiles.
const opened = { requiredLimits: 'default', wantedFeatures: [], requiredFeatures: [] };
fn('', api, 'openDevice', () => [opened], 0);
fn('', api, 'defaultDevice', () => []);
fn('', api, 'listAdapters', () => []);
fn('', api, 'noAdapterMessage', () => ['linux']);
fn('', api, 'measureCeilings', () => [device()]);
const span = { kernel: 'k', variant: '', start: 0, end: 1, submitted: 0, grid: [1] };
const timing = { clock: 'host', method: '' };
const profile = () => ({
  result: 0,
  began: 0,
  wall: 1,
  kernels: [span],
  host: [],
  timing,
  compiled: [],
  uploaded: 0,
});
for (const name of ['chromeTrace', 'accountsOf', 'kernelTotals']) fn('', api, name, () => [profile()]);
for (const name of ['check', 'memory', 'trim']) method(`Device.${name}`, device, () => []);
method('Device.allocate', device, () => ['test', 16, 128]);
method('Device.free', device, () => [storage()]);
for (const name of ['pipeline', 'pipelineNow']) {
  method(
    `Device.${name}`,
    device,
    () => [{ label: 'k', code, entryPoint: 'main', constants: {}, options: {} }],
    0,
  );
}
fn('', api, 'takeProfile', () => [device(), () => 1]);
method('Device.read', device, () => [storage(), 0, 16, { expectedMs: 0 }], 3);
method('Device.sync', device, () => [{ expectedMs: 0 }], 0);
made('', api, 'LockstepError', () => ['bad-input', 'text']);

// Samplers.
const { samplers } = api;
fn(
  'samplers.',
  samplers,
  'parity',
  () => [{ inputs: 4, secret: [0, 2], noise: 0.1, signs: true, signTargets: false }],
  0,
);
fn(
  'samplers.',
  samplers,
  'parities',
  () => [{ bits: 4, secrets: [[0], [1, 2]], exponent: 1.4, noise: 0.1 }],
  0,
);
fn('samplers.', samplers, 'table', () => [{ inputs: 1, values: [0, 1], signs: false }], 0);
fn('samplers.', samplers, 'blobs', () => [{ centers: [[0, 0], [1, 1]], deviation: 0.5 }], 0); // biome-ignore format: a line
fn('samplers.', samplers, 'moons', () => [{ noise: 0.2 }], 0);

// Layers and init functions.
const { nn, optim } = api;
fn('nn.', nn, 'clipGradNorm_', () => [[p()], 1, { normType: 2, byModel: true }], 2);
made('nn.', nn, 'Linear', () => [2, 2, { bias: false, device: device(), generator: generator() }], 2);
made('nn.', nn, 'FusedMlp', () => [2, 2, { device: device(), generator: generator() }], 2);
made('nn.', nn, 'LeakyReLU', () => [{ negativeSlope: 0.1 }], 0);
made('nn.', nn, 'GELU', () => [{ approximate: 'tanh' }], 0);
made('nn.', nn, 'Softmax', () => [{ axis: 0 }], 0);
made('nn.', nn, 'Dropout', () => [{ p: 0.1, generator: generator() }], 0);
made('nn.', nn, 'Flatten', () => [{ startAxis: 0, endAxis: 1 }], 0);
made('nn.', nn, 'LayerNorm', () => [[2], { eps: 1e-3, elementwiseAffine: true, device: device() }], 1);
made('nn.', nn, 'Embedding', () => [3, 2, { device: device(), generator: generator() }], 2);
const one = { GELU: [], SiLU: [], Softmax: [], Dropout: [], Flatten: [], LayerNorm: [2], Embedding: [4, 2] };
for (const [name, given] of Object.entries(one)) {
  const Layer = nn[name as keyof typeof one] as unknown as new (...given: number[]) => unknown;
  const inputs = () => [name === 'Embedding' ? numbers(1, 0) : x()];
  method(`nn.${name}.forward`, () => new Layer(...given), inputs);
}
const batchOptions = () => ({ batchSize: 2, generator: generator(), dropLast: true });
fn('', api, 'shuffledBatches', () => [[x(), numbers(1, 0)], batchOptions()], 1);
for (const name of ['ReLU', 'SiLU', 'Sigmoid', 'Tanh']) made('nn.', nn, name, () => []);
made('nn.', nn, 'Sequential', () => [new nn.ReLU(), new nn.Tanh()]);
const layer = () => new nn.Linear(2, 2);
method('nn.Module.train', layer, () => [false]);
method('nn.Module.eval', layer, () => []);
for (const name of ['Linear', 'LeakyReLU', 'ReLU', 'Sigmoid', 'Tanh'] as const) {
  const Layer = nn[name] as unknown as new (a?: number, b?: number) => unknown;
  method(
    `nn.${name}.forward`,
    () => (name === 'Linear' ? new Layer(2, 2) : new Layer()),
    () => [x()],
  );
}
method(
  'nn.Sequential.forward',
  () => new nn.Sequential(new nn.ReLU()),
  () => [x()],
);
method(
  'nn.Sequential.describe',
  () => new nn.Sequential(new nn.Linear(2, 2), new nn.ReLU()),
  () => [],
);
method(
  'nn.FusedMlp.forward',
  () => new nn.FusedMlp(2, 2),
  () => [x()],
);
method(
  'nn.FusedMlp.bceLoss',
  () => new nn.FusedMlp(2, 2),
  () => [x(), api.tensor([0, 1])],
);
for (const name of ['namedParameters', 'parameters', 'zeroGrad', 'stateDict', 'dispose', 'toString']) {
  method(`nn.Module.${name}`, layer, () => []);
}
fn('nn.', nn, 'stack', () => [2, () => new nn.Linear(2, 2)]);
fn('nn.', nn, 'stackStateDicts', () => [[{ w: { data: new Float32Array(2), shape: [2] } }]]);
const stacked = () => nn.stack(2, () => new nn.Linear(2, 2));
method('nn.Stacked.forward', stacked, () => [x()]);
method('nn.Stacked.each', stacked, () => [x()]);
method('nn.Stacked.unstack', stacked, () => [1]);
method('nn.Stacked.train', stacked, () => [false]);
method('nn.Stacked.dispose', stacked, () => []);
method('nn.Module.loadStateDict', layer, () => [layer().stateDict()]);
fn('', api, 'linearParameters', () => [2, 2, generator()]);
for (const [prefix, init, first] of [
  ['nn.init.', nn.init, () => api.zeros([4, 4])],
  ['bench.init.', bench.init, host],
] as const) {
  fn(prefix, init, 'linearParameters', () => [2, 2, generator()]);
  fn(prefix, init, 'calculateGain', () => ['leaky_relu', 0.1]);
  fn(prefix, init, 'uniform_', () => [first(), 0, 1, generator()]);
  fn(prefix, init, 'normal_', () => [first(), 0, 1, generator()]);
  fn(prefix, init, 'truncNormal_', () => [first(), 0, 1, -2, 2, generator()]);
  fn(prefix, init, 'constant_', () => [first(), 1]);
  fn(prefix, init, 'scale_', () => [first(), 2]);
  for (const name of ['zeros_', 'ones_', 'eye_']) fn(prefix, init, name, () => [first()]);
  fn(prefix, init, 'sparse_', () => [first(), 0.5, 0.01, generator()]);
  for (const name of ['xavierUniform_', 'xavierNormal_', 'orthogonal_']) {
    fn(prefix, init, name, () => [first(), 1, generator()]);
  }
  const kaiming = { a: 0, mode: 'fan_in', nonlinearity: 'relu' };
  for (const name of ['kaimingUniform_', 'kaimingNormal_']) {
    fn(prefix, init, name, () => [first(), kaiming, generator()], 1);
  }
}

// Optimizers and schedules.
const adam = { lr: 0.1, betas: [0.9, 0.99], eps: 1e-8, weightDecay: 0, amsgrad: false };
for (const name of ['Adam', 'AdamW']) made('optim.', optim, name, () => [[leaf()], adam], 1);
made('optim.', optim, 'SGD', () => [[leaf()], { lr: 0.1, momentum: 0.9, dampening: 0, nesterov: true }], 1);
const sgd = () => new optim.SGD([leaf()]);
made('optim.', optim, 'StepLR', () => [sgd(), { stepSize: 2, gamma: 0.5 }], 1);
made('optim.', optim, 'LinearLR', () => [sgd(), { startFactor: 0.5, endFactor: 1, totalIters: 3 }], 1);
made('optim.', optim, 'CosineAnnealingLR', () => [sgd(), { tMax: 3, etaMin: 0 }], 1);
made('optim.', optim, 'LambdaLR', () => [sgd(), { lrLambda: () => 1 }], 1);
for (const name of ['zeroGrad', 'step', 'stateDict', 'dispose'])
  method(`optim.Optimizer.${name}`, sgd, () => []);
method('optim.Optimizer.loadStateDict', sgd, () => [sgd().stateDict()]);
const rmsprop = { lr: 0.1, alpha: 0.9, eps: 1e-8, weightDecay: 0, momentum: 0.9, centered: true };
made('optim.', optim, 'RMSprop', () => [[leaf()], rmsprop], 1);
made('optim.', optim, 'SignSGD', () => [[leaf()], { lr: [0.1, 0.2], momentum: 0.9, weightDecay: 0 }], 1);
made('optim.', optim, 'MultiStepLR', () => [sgd(), { milestones: [2], gamma: 0.5 }], 1);
made('optim.', optim, 'ExponentialLR', () => [sgd(), { gamma: 0.5 }], 1);
made('optim.', optim, 'ConstantLR', () => [sgd(), { factor: 0.5, totalIters: 3 }], 1);
made('optim.', optim, 'OneCycleLR', () => [sgd(), { maxLr: 1, totalSteps: 4, pctStart: 0.5 }], 1);
made('optim.', optim, 'ReduceLROnPlateau', () => [sgd(), { patience: 3, mode: 'max' }], 1);
const plateau = () => new optim.ReduceLROnPlateau(sgd());
method('optim.ReduceLROnPlateau.step', plateau, () => [1]);
method('optim.ReduceLROnPlateau.stateDict', plateau, () => []);
method('optim.ReduceLROnPlateau.loadStateDict', plateau, () => [plateau().stateDict()]);
const schedule = () => new optim.StepLR(sgd(), { stepSize: 2 });
for (const name of ['step', 'stateDict']) method(`optim.Schedule.${name}`, schedule, () => []);
method('optim.Schedule.loadStateDict', schedule, () => [schedule().stateDict()]);

// Random numbers and bits.
const bits = () => new api.BitMatrix(2, 8);
made('', api, 'BitMatrix', () => [2, 8, new Uint32Array(2)]);
method(
  'BitMatrix.random',
  () => api.BitMatrix,
  () => [2, 8, generator()],
);
method('BitMatrix.get', bits, () => [0, 0]);
method('BitMatrix.set', bits, () => [0, 0, 1]);
method('BitMatrix.takeRows', bits, () => [[1, 0]]);
made('', api, 'Generator', () => [1]);
for (const name of ['random32', 'random53']) method(`Generator.${name}`, generator, () => []);
method('Generator.randint', generator, () => [0, 4]);
method('Generator.randintFill', generator, () => [new Int32Array(2), 0, 4]);
method('Generator.bernoulli', generator, () => [new Float32Array(2), 0.5]);
method('Generator.randperm', generator, () => [4]);
for (const name of ['uniform', 'normal'])
  method(`Generator.${name}`, generator, () => [new Float32Array(2), 0, 1]);
const engine = () => api.Mt19937.fromSeed(1);
method(
  'Mt19937.fromSeed',
  () => api.Mt19937,
  () => [1],
);
method(
  'Mt19937.fromKey',
  () => api.Mt19937,
  () => [[1, 2]],
);
for (const name of ['next', 'refill', 'settle']) method(`Mt19937.${name}`, engine, () => []);
method('Mt19937.skip', engine, () => [3]);

// The evaluation's parts.
const task = () => bench.makeTask('n8-k2', 'smoke');
const secret = () => [0, 1];
const packed = () => ({ x: bits(), y: new bench.BitVector(2) });
made('bench.', bench, 'BitVector', () => [8, new Uint32Array(1)]);
method(
  'bench.BitVector.get',
  () => new bench.BitVector(8),
  () => [0],
);
method(
  'bench.BitVector.set',
  () => new bench.BitVector(8),
  () => [0, 1],
);
fn('bench.', bench, 'concatRows', () => [bits(), bits()]);
fn('bench.', bench, 'positiveRate', () => [packed()]);
fn('bench.', bench, 'packMatrix', () => [[[0, 1]]]);
fn('bench.', bench, 'packVector', () => [[0, 1]]);
fn('bench.', bench, 'randomizeColumns', () => [bits(), [0, 1], generator()]);
fn('bench.', bench, 'randomizeRow', () => [bits(), 0, [0, 1], generator()]);
fn('bench.', bench, 'parity', () => [bits(), secret()]);
fn('bench.', bench, 'truthTable', () => [secret(), 8, 1]);
fn('bench.', bench, 'backgroundColumns', () => [secret(), 8]);
fn('bench.', bench, 'makeTask', () => ['n8-k2', 'smoke', { maxSteps: 5 }], 2);
fn('bench.', bench, 'parseConfig', () => ['n8-k2']);
fn('bench.', bench, 'configName', () => [task()]);
fn('bench.', bench, 'validateSeed', () => [1]);
fn('bench.', bench, 'sampleSecrets', () => [task(), 1]);
fn('bench.', bench, 'strategyNamed', () => ['starter']);
const results = () => [{ secretIndex: 0, orderIndex: 0, steps: 1, testAccuracy: 1 }];
const metrics = () => bench.metricsOf(results());
fn('bench.', bench, 'metricsOf', () => [results()]);
fn('bench.', bench, 'summarize', () => ['starter', task(), 1, results(), true, ['portable']]);
fn('bench.logLines.', bench.logLines, 'taskConfigLine', () => [task()]);
fn('bench.logLines.', bench.logLines, 'datasetMetricsLine', () => [0, 1, 0.5]);
fn('bench.logLines.', bench.logLines, 'trainMetricsLine', () => [0, 0, 1, 0.5, 0.5]);
fn('bench.logLines.', bench.logLines, 'runMetricsLine', () => [0, 0, 1, 0.5]);
fn('bench.logLines.', bench.logLines, 'finalMetricsLine', () => [metrics()]);
fn('bench.logLines.', bench.logLines, 'testMetricsLine', () => [metrics()]);
fn('bench.logLines.', bench.logLines, 'fixed6', () => [0.5]);
fn('bench.', bench, 'makeTestSet', () => [secret(), task(), 1]);
const strategy = () => bench.strategyNamed('starter');
fn('bench.', bench, 'makeTrainingSet', () => [strategy(), secret(), task(), 1]);
fn('bench.', bench, 'defineStrategy', () => [{ ...strategy() }], 0);
fn('bench.', bench, 'strategyOfModule', () => [{ default: strategy() }, 'file.ts']);
fn('bench.', bench, 'localStrategy', () => [strategy()]);
fn('bench.', bench, 'prepareOptimizer', () => [strategy(), task()]);
fn('bench.', bench, 'prepareRun', () => [strategy(), task(), 1, 0, 0]);
fn('bench.', bench, 'prepareSecret', () => [strategy(), task(), 1, 0, secret()]);
const tiny = () =>
  bench.makeTask('n4-k1', 'smoke', {
    hiddenWidth: 2, batchSize: 4, maxSteps: 2, maxTrainExamples: 2 ** 20, secrets: 1, orders: 1, testSetSize: 4,
  }); // biome-ignore format: one line
const small = () => ({ ...strategy(), makeDataset: () => ({ x: [[0, 0, 0, 0], [1, 0, 0, 0]], y: [0, 1] }) }); // biome-ignore format: a matrix
fn('bench.', bench, 'evaluate', () => [device(), small(), { task: tiny(), seed: 1, kernel: 'portable' }], 2);
method(
  'bench.Evaluation.prepare',
  () => bench.Evaluation,
  () => [small(), tiny(), 1],
);
const evaluation = { prepared: undefined as unknown as bench.Evaluation };
export const prepareEvaluation = async () => {
  evaluation.prepared = await bench.Evaluation.prepare(small(), tiny(), 1);
};
method(
  'bench.Evaluation.summary',
  () => evaluation.prepared,
  () => [],
);
method(
  'bench.Evaluation.train',
  () => evaluation.prepared,
  () => [device(), { kernel: 'portable' }],
  1,
);

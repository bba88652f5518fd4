/**
 * Samplers on the device, example by example, against what their options say (sampler-rows.ts), and what is refused. The
 * samplers' WGSL runs in a kernel that only samples; whether training does so is test/lockstep/network/samplers.test.ts's.
 */
import '../quick-to-compile.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { builtInSamplers, samplerFunctions } from '../../shaders/network/samplers.wgsl.js';
import { floatFunctionsIn } from '../../shaders/shared/floats.wgsl.js';
import { type Device, openDevice, runKernel, type Sampler, samplers, tensor } from '../../src/index.js';
import { lossOf } from '../../src/network/losses.js';
import { networkOf } from '../../src/network/network.js';
import { packSampler } from '../../src/network/sampler.js';
import { philox, VECTORS } from './philox.js';
import {
  blobsRow,
  moonsRow,
  type Place,
  paritiesRow,
  parityRow,
  type Row,
  tableRow,
} from './sampler-rows.js';

/** WGSL's log is good to 2^-21 in absolute terms, a normal number is at most 6 and its error half of that by its size. */
const NORMAL = 2e-5;

let device: Device;
beforeAll(async () => {
  device = await openDevice({ requiredLimits: 'default' });
});
afterAll(() => device.destroy());

/** The examples of a step, [examples, inputs + targets]. */
async function draw(sampler: Sampler, place: Omit<Place, 'number'>, examples: number): Promise<number[][]> {
  const { inputs, targets = 1, wgsl, parameters = [] } = sampler;
  const data = parameters instanceof Uint32Array ? parameters : Uint32Array.from(parameters);
  const body = `${samplerFunctions}\n${wgsl}`;
  const drawn = runKernel({
    label: 'samples',
    code: `
      @group(0) @binding(0) var<uniform> where_: array<vec4u, 2>;
      @group(0) @binding(1) var<storage, read> data: array<u32>;
      @group(0) @binding(2) var<storage, read_write> memory: array<f32>;
      fn keepAt(at: u32, x: f32) { memory[at] = x; }
      ${floatFunctionsIn(body)}
      ${body}
      @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
        let b = id.x;
        if (b >= ${examples}u) { return; }
        let at = b * ${inputs + targets}u;
        let w = where_[0];
        sample(Example(w.xy, w.w, w.z, b, 0u, ${inputs}u, at, ${targets}u, at + ${inputs}u));
      }`,
    params: Uint32Array.of(
      place.seed >>> 0,
      Math.floor(place.seed / 2 ** 32) >>> 0,
      place.step,
      place.stream ?? 0,
      0,
      0,
      0,
      0,
    ),
    inputs: [tensor(new Int32Array([...data, 0]), { device })],
    output: { shape: [examples, inputs + targets] },
    workgroups: [Math.ceil(examples / 64)],
  });
  return (await drawn.toArray()) as number[][];
}

const place = { seed: -(2 ** 40) - 7, step: 12_345, stream: 1 };

async function compare(sampler: Sampler, row: (place: Place) => Row, tolerance: number, examples = 70) {
  const drawn = await draw(sampler, place, examples);
  drawn.forEach((numbers, number) => {
    const { x, y } = row({ ...place, number });
    const wanted = [...x, y];
    if (tolerance === 0) expect(numbers, `example ${number}`).toEqual(wanted);
    const off = Math.max(...wanted.map((value, k) => Math.abs(value - numbers[k])));
    expect(off, `example ${number}`).toBeLessThanOrEqual(tolerance);
    expect(numbers[x.length]).toBe(y);
  });
  return drawn;
}

describe('Philox 4x32-10', () => {
  it('gives the published words on the host', () => {
    for (const [counter, key, expected] of VECTORS) expect(philox(counter, key)).toEqual(expected);
  });

  it('gives them on the device', async () => {
    const sampler: Sampler = {
      inputs: 8 * VECTORS.length,
      wgsl: `fn sample(e: Example) {
        for (var v = 0u; v < ${VECTORS.length}u; v++) {
          let at = 6u * v;
          let counter = vec4u(parameterWord(e, at), parameterWord(e, at + 1u), parameterWord(e, at + 2u), parameterWord(e, at + 3u));
          let words = philox(counter, vec2u(parameterWord(e, at + 4u), parameterWord(e, at + 5u)));
          for (var k = 0u; k < 4u; k++) {
            setInput(e, 8u * v + 2u * k, f32(words[k] >> 16u));
            setInput(e, 8u * v + 2u * k + 1u, f32(words[k] & 0xffffu));
          }
        }
      }`,
      parameters: Uint32Array.from(VECTORS.flatMap(([counter, key]) => [...counter, ...key])),
    };
    const [halves] = await draw(sampler, place, 1);
    const expected = VECTORS.flatMap(([, , words]) => words.flatMap((word) => [word >>> 16, word & 0xffff]));
    expect(halves.slice(0, -1)).toEqual(expected);
  });
});

describe('built-in samplers', () => {
  it.each([
    { inputs: 1, secret: [0] },
    { inputs: 40, secret: [0, 1, 39], signs: true },
    { inputs: 300, secret: [31, 32, 127, 128, 299], noise: 0.3, signTargets: true },
  ])('parity %o', async (options) => {
    await compare(samplers.parity(options), (at) => parityRow(options, at), 0);
  });

  it('parity flips as many labels as it says', async () => {
    const options = { inputs: 3, secret: [1], noise: 0.2 };
    const drawn = await draw(samplers.parity(options), place, 4096);
    const flipped = drawn.filter((numbers) => numbers[1] !== numbers[3]).length / drawn.length;
    // Four standard deviations of 4,096 draws.
    expect(Math.abs(flipped - 0.2)).toBeLessThan(4 * Math.sqrt((0.2 * 0.8) / 4096));
  });

  it('parities, the tasks by a power law', async () => {
    const secrets = Array.from({ length: 37 }, (_, task) => [task % 50, (3 * task + 1) % 50]);
    const options = { bits: 50, secrets, exponent: 0.9, noise: 0.1, signs: true };
    const drawn = await compare(samplers.parities(options), (at) => paritiesRow(options, at), 0, 500);
    expect(new Set(drawn.map((numbers) => numbers.indexOf(1))).size).toBeGreaterThan(20);
  });

  it('parities, the tasks by a power law of any exponent', () => {
    const thresholds = (exponent: number) =>
      Array.from(samplers.parities({ bits: 2, secrets: [[0], [1], [0, 1]], exponent }).parameters!).slice(
        6,
        9,
      );
    const all = 2 ** 32 - 1;
    expect(thresholds(1000)).toEqual([all, all, all]); // the first task alone
    expect(thresholds(-1000)).toEqual([0, 0, all]); // the last
    expect(thresholds(-1)).toEqual([Math.round(2 ** 32 / 6), 2 ** 31, all]);
  });

  it('parities of which one task comes up', async () => {
    const options = { bits: 9, secrets: [[4], [0, 1], [7, 8], [2, 3]], task: 2, noise: 0.2 };
    await compare(samplers.parities(options), (at) => paritiesRow(options, at), 0);
  });

  it('parities of one task', async () => {
    const options = { bits: 5, secrets: [[4]] };
    await compare(samplers.parities(options), (at) => paritiesRow(options, at), 0);
  });

  it('a truth table', async () => {
    const options = { inputs: 5, values: Array.from({ length: 32 }, (_, k) => k * k - 2.5), signs: true };
    const drawn = await compare(samplers.table(options), (at) => tableRow(options, at), 0, 300);
    expect(new Set(drawn.map((numbers) => numbers[5])).size).toBeGreaterThan(25);
  });

  it('blobs', async () => {
    const centers = [0, 10, -20].map((middle) => [middle, 1, -middle, 2, 0.5]);
    const options = { centers, deviation: [0.5, 1, 2] };
    await compare(samplers.blobs(options), (at) => blobsRow(options, at), 2 * NORMAL);
  });

  it('moons', async () => {
    const options = { noise: 0.2 };
    await compare(samplers.moons(options), (at) => moonsRow(options, at), NORMAL);
  });

  it('have one text', () => {
    const all = [
      samplers.parity({ inputs: 2, secret: [0] }),
      samplers.table({ inputs: 1, values: [0, 1] }),
      samplers.moons(),
    ];
    for (const { wgsl } of all) expect(wgsl).toBe(builtInSamplers);
  });
});

describe('refusals', () => {
  it.each([
    [
      () => samplers.parity({ inputs: 4, secret: [4] }),
      'samplers.parity: secret[0] is the number 4; it has to be',
    ],
    [() => samplers.parity({ inputs: 4, secret: [1, 1] }), 'secret[1] is the number 1; it is named before'],
    [() => samplers.parity({ inputs: 4, secret: [] }), 'it has to name one bit at least'],
    [() => samplers.parity({ inputs: 4, secret: [0], noise: 2 }), 'noise is the number 2'],
    [
      () => samplers.parity({ inputs: 4, secrets: [0] } as never),
      'unknown option secrets; did you mean secret?',
    ],
    [
      () => samplers.parities({ bits: 4, secrets: [[0], [7]] }),
      'samplers.parities: secrets[1][0] is the number 7',
    ],
    [
      () => samplers.parities({ bits: 4, secrets: [[0]], task: 1 }),
      'samplers.parities: task is the number 1',
    ],
    [() => samplers.parities({ bits: 4, secrets: [] }), 'the number of secrets is the number 0'],
    [
      () => samplers.table({ inputs: 2, values: [0, 1, 1] }),
      'the length of values is the number 3; 4 numbers fit',
    ],
    [() => samplers.table({ inputs: 2, values: [0, 1, 1, Number.NaN] }), 'values[3] is the number NaN'],
    [
      () => samplers.blobs({ centers: [[0, 1], [2]] }),
      'the length of centers[1] is the number 1; 2 numbers fit',
    ],
    [() => samplers.blobs({ centers: [[0]], deviation: -1 }), 'deviation is the number -1'],
    [() => samplers.blobs({ centers: [[0]], deviation: 1e39 }), 'deviation is the number 1e+39'],
    [() => samplers.moons({ noise: 1e39 }), 'noise is the number 1e+39'],
    [() => samplers.moons({ noise: -1 }), 'samplers.moons: noise is the number -1'],
  ])('%#', (make, message) => {
    expect(make).toThrow(message);
  });

  const network = (inputs: number, units: number) => networkOf('it', { inputs, layers: [{ units }] });
  const own = { inputs: 2, wgsl: 'fn sample(e: Example) { setInput(e, 0u, 1.0); }' };
  const moons = samplers.moons();
  it.each([
    [own, network(3, 1), 'mse', 'inputs of the sampler is the number 2; the network has 3 inputs'],
    [own, network(2, 2), 'mse', 'targets of the sampler is the number 1; the network has 2 outputs'],
    [
      own,
      network(2, 2),
      'crossEntropy',
      'classes of the sampler is undefined; crossEntropy takes a class of the',
    ],
    [{ ...own, classes: 3 }, network(2, 2), 'crossEntropy', 'classes of the sampler is the number 3'],
    [
      { ...own, range: [-1, 1] },
      network(2, 1),
      'bceWithLogits',
      'are -1 to 1; bceWithLogits takes targets from 0 to 1',
    ],
    [
      { ...own, classes: 3 },
      network(2, 1),
      'bceWithLogits',
      'are 0 to 2; bceWithLogits takes targets from 0 to 1',
    ],
    [{ ...own, wgsl: 'fn simple() {}' }, network(2, 1), 'mse', 'it must have a function sample'],
    [{ ...own, parameters: [1, 1e39] }, network(2, 1), 'mse', 'parameters[1]'],
    [{ ...moons, noise: 1 }, network(2, 1), 'mse', 'unknown option noise'],
  ] as const)('%#', (sampler, described, loss, message) => {
    expect(() => packSampler('here', sampler as Sampler, described, lossOf('here', loss))).toThrow(message);
  });
});

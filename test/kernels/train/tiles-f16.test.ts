// The training kernel for matrix units, its matrices emulated in plain WGSL, as no driver here has them: the split of numbers into
// three f16 parts, sums of extreme weights and gradients, trainings against the float64 oracle, and the same bits in company.
import '../../quick-to-compile.js';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { times } from '../../../shaders/shared/lists.js';
import { keepSums, noSums, productParts } from '../../../shaders/train/tiles/products.wgsl.js';
import { openDevice } from '../../../src/adapter/open.js';
import { bindGroup } from '../../../src/gpu/bindings.js';
import { Device } from '../../../src/gpu/device.js';
import { BufferUsage } from '../../../src/gpu/usage.js';
import { Generator } from '../../../src/random/generator.js';
import { matrixOperations } from './emulated-matrices.js';
import { f16Cases } from './f16-cases.js';

vi.mock('../../../shaders/train/tiles/matrices.wgsl.js', () => import('./emulated-matrices.js'));

/** As NVIDIA's subgroups: each has two matrices of a product. */
const LANES = 32;

const device = await openDevice({ wantedFeatures: [] });
afterAll(() => device.destroy());

/** The number that a f16 is; subnormal ones, and those that are none, may not be there. */
function numberOf(half: number): number {
  const [sign, exponent, fraction] = [half >> 15 ? -1 : 1, (half >> 10) & 31, half & 1023];
  if (exponent === 0 && fraction === 0) return 0;
  expect(exponent > 0 && exponent < 31, half.toString(16)).toBe(true);
  return sign * 2 ** (exponent - 15) * (1 + fraction / 1024);
}

describe('three parts of f16', () => {
  const COUNT = 4096;
  /** The sums of the parts of `numbers`, which have the scale of `largest`, in float64. */
  async function joined(numbers: Float32Array, largest: number): Promise<Float64Array> {
    const code = `${matrixOperations(LANES)}
      struct Shape { vectors: u32 }
      const shape = Shape(2u);
      ${productParts}
      @group(0) @binding(0) var<storage, read> numbers: array<vec4f>;
      @group(0) @binding(1) var<storage, read_write> parts: array<array<vec2u, 4>>;
      @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) at: vec3u) {
        let largest = numbers[${COUNT / 4}].x;
        let x = partsOf(scaleFor(largest) * numbers[at.x]);
        parts[at.x] = array(x.a, x.b, x.c, vec2u(bitcast<u32>(unscaleFor(largest))));
      }`;
    const usage = BufferUsage.STORAGE | BufferUsage.COPY_SRC | BufferUsage.COPY_DST;
    const [from, to] = [
      device.allocate('in', 4 * COUNT + 16, usage),
      device.allocate('out', 8 * COUNT, usage),
    ];
    const pipeline = await device.pipeline({ label: 'parts', code });
    device.commands.write(from, 0, Float32Array.of(...numbers, largest));
    const recorder = device.commands.record('parts');
    recorder.dispatch(pipeline, bindGroup(device.gpu, pipeline, [from, to]), [COUNT / 256]);
    recorder.submit();
    const out = await device.read(to, 0, 8 * COUNT);
    const [halves, unscale] = [new Uint16Array(out), new Float32Array(out)[6]];
    for (const buffer of [from, to]) device.free(buffer);
    return Float64Array.from(numbers, (_, i) => {
      const [a, b, c] = [0, 4, 8].map((part) => numberOf(halves[16 * Math.floor(i / 4) + part + (i % 4)]));
      return (2048 * a + b + c / 2048) * unscale; // the factors are those that the bits carry
    });
  }

  it.each([1, 1.999999, 3e38, 1e-30])('of numbers up to %f', async (largest) => {
    const generator = new Generator(5);
    const numbers = new Float32Array(COUNT);
    generator.uniform(numbers, -1, 1);
    // Of every size, down to 2^-63 of the largest.
    for (let i = 0; i < COUNT; i++) numbers[i] *= largest * 2 ** -(i % 64);
    numbers[0] = largest;
    numbers[1] = 0;
    const sums = await joined(numbers, largest);
    const top = 2 ** Math.floor(Math.log2(largest));
    for (const [i, x] of numbers.entries()) {
      const allowed = Math.abs(x) >= 2 ** -26 * top ? 0 : 2 ** -49 * top;
      expect(Math.abs(sums[i] - x), `${x} of ${largest}`).toBeLessThanOrEqual(allowed);
    }
  });
});

it.each([16, 32, 64, 128, 256])(
  'subgroups of %i lanes share all matrices of a product, each has one owner',
  (lanes) => {
    // A statement of keepSums: `if (turn == ownRows + 2u) { keepByRow(4u * (ownColumns + 0u), sums1_0); }`
    const text = noSums(lanes) + keepSums(lanes, 'columns');
    const rows = Number(/ownRows = subgroup % (\d+)u/.exec(text)![1]);
    const places = [
      ...text.matchAll(/turn == ownRows \+ (\d+)u\) \{ keepByRow\(4u \* \(ownColumns \+ (\d+)u\)/g),
    ];
    const owned = times(256 / lanes, (subgroup) =>
      places.map(([, row, column]) => [
        (subgroup % rows) + Number(row),
        Math.floor(subgroup / rows) + Number(column),
      ]),
    ).flat();
    expect(owned.sort()).toEqual(times(16, (k) => [Math.floor(k / 4), k % 4]));
  },
);

describe('the tiles-f16 kernel, emulated', () => {
  beforeAll(() => {
    Object.assign(device.info, { subgroupMaxSize: LANES, subgroupMatrices: ['16 x 16 x 16, f16 to f32'] });
    const names = ['shader-f16', 'chromium-experimental-subgroup-matrix'] as readonly string[];
    vi.spyOn(Device.prototype, 'features', 'get').mockReturnValue(new Set(names) as GPUSupportedFeatures);
  });
  afterAll(() => {
    vi.restoreAllMocks();
  });

  f16Cases(device);
});

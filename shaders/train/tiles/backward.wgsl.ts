/**
 * The backward tile of the training step (train.wgsl.ts): G of some hidden units and features, and AdamW on their
 * weights. A WGSL fragment, no kernel of its own.
 */
import { lines, times } from '../../shared/text.js';
import { ACROSS, type PerThread } from './size.js';

const components = ['x', 'y', 'z', 'w'];

/**
 * `backwardTile`: an invocation has the units that one of a forward tile has, and `perThread` features. The samples'
 * rows are staged, a vec4 an invocation. It leaves w1 . G and S in scratch.
 */
export function tilesBackward(perThread: PerThread): string {
  const quads = times(perThread / 4, (v) => v);
  const features = times(perThread, (i) => i);
  const side = ACROSS * quads.length;
  const sample = lines([
    'let d = vec4f(gradients[k]);',
    ...quads.map(
      (v) =>
        `let d${v} = select(vec4f(), d, (vec4u(word) & vec4u(${times(4, (c) => `${1 << (4 * v + c)}u`).join(', ')})) != vec4u());`,
    ),
    ...quads.map((f) => `let x${f} = tile[k * shape.tileQuads + ft * ${quads.length}u + ${f}u];`),
    ...features.flatMap((i) =>
      quads.map((v) => `g${i}_${v} = fma(vec4f(x${i >> 2}.${components[i & 3]}), d${v}, g${i}_${v});`),
    ),
    `if (sumsUp) { ${quads.map((v) => `s${v} += d${v};`).join(' ')} }`,
  ]);
  /** What is left of the tile to be applied: its first features. */
  const shift = features
    .slice(1)
    .flatMap((i) => quads.map((v) => `g${i - 1}_${v} = g${i}_${v};`))
    .join(' ');
  return /* wgsl */ `
fn backwardTile(at: Place, unitBlock: u32, featureTile: u32, id: u32) {
  let ft = id / shape.unitThreads;
  // The units of one invocation of a forward tile.
  let group = unitBlock * shape.unitThreads + id % shape.unitThreads;
  let exists = group < shape.unitTiles * ${ACROSS}u;
  ${lines(quads.map((v) => `let quad${v} = select(shape.unitQuads, (group / ${ACROSS}u) * ${side}u + ${v * ACROSS}u + group % ${ACROSS}u, exists);`))}
  let activeAt = at.scratch + shape.activeAt + select(0u, group, exists) * shape.sampleQuads;
  let sumsUp = ft == 0u && featureTile == 0u;
  // What this invocation stages: a quad of features of a sample, the next while this one is used.
  let stagedFeature = 4u * (featureTile * shape.tileQuads + id % shape.tileQuads);
  let stagedSample = id / shape.tileQuads;
  let rowsAt = at.batch + (stagedFeature >> 5u) * shape.sampleQuads;
  let shift = vec4u(stagedFeature & 31u) + vec4u(0u, 1u, 2u, 3u);
  let hasFeatures = stagedFeature < shape.features;
  var row = 0u;
  if (hasFeatures && stagedSample < shape.batch) { row = batches[rowsAt + (stagedSample >> 2u)][stagedSample & 3u]; }
  var word = 0u;
  var nextWord = scratch[activeAt];
  ${lines(features.map((i) => quads.map((v) => `var g${i}_${v} = vec4f();`).join(' ')))}
  ${lines(quads.map((v) => `var s${v} = vec4f();`))}
  for (var first = 0u; first < shape.batch; first += shape.staged) {
    tile[id] = vec4f((vec4u(row) >> shift) & vec4u(1u));
    if (id < shape.staged) {
      gradients[id] = 0.0;
      if (first + id < shape.batch) { gradients[id] = number(at.scratch + first + id); }
    }
    workgroupBarrier();
    let next = first + shape.staged + stagedSample;
    row = 0u;
    if (hasFeatures && next < shape.batch) { row = batches[rowsAt + (next >> 2u)][next & 3u]; }
    let samplesLeft = min(shape.staged, 4u * shape.sampleQuads - first);
    for (var k = 0u; k < samplesLeft; k++) {
      if ((k & 3u) == 0u) {
        word = nextWord;
        nextWord = scratch[activeAt + min((first + k) / 4u + 1u, shape.sampleQuads - 1u)];
      }
      ${sample}
      word >>= 8u;
    }
    workgroupBarrier();
  }
  let firstQuad = featureTile * shape.tileQuads + ft * ${quads.length}u;
  ${lines(
    quads.map(
      (v) =>
        `if (sumsUp && quad${v} < shape.unitQuads) { keep(at.scratch + shape.sumsAt + 4u * quad${v}, s${v}); }`,
    ),
  )}
  ${lines(quads.map((v) => `var dot${v} = vec4f(); let outputs${v} = weightsOr0(w2At(at), quad${v});`))}
  // A loop over the features, the sums shifted past it: each load that stands in the code costs compile time.
  for (var i = 0u; i < shape.perThread; i++) {
    let feature = 4u * firstQuad + i;
    if (feature < 4u * shape.featureQuads) {
      let row = at.state + feature * shape.unitQuads;
      ${lines(
        quads.map((v) =>
          lines([
            `if (quad${v} < shape.unitQuads) {`,
            `  let w = state[row + quad${v}];`,
            `  dot${v} = fma(w, g0_${v}, dot${v});`,
            `  adamw(row + quad${v}, w, outputs${v} * g0_${v}, at.hyper, at.step);`,
            '}',
          ]),
        ),
      )}
      if ((i & 3u) == 3u) {
        ${lines(
          quads.map((v) =>
            lines([
              `if (quad${v} < shape.unitQuads) {`,
              `  keep(at.scratch + shape.dotsAt + 4u * ((feature >> 2u) * shape.unitQuads + quad${v}), dot${v});`,
              '}',
              `dot${v} = vec4f();`,
            ]),
          ),
        )}
      }
    }
    ${shift}
  }
}
`;
}

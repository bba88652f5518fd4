/**
 * The forward tile of the training step (train.wgsl.ts): z1 of some hidden units and samples. A WGSL fragment,
 * no kernel of its own.
 */
import { lines, times } from '../../shared/text.js';
import { ACROSS, type PerThread, TILE_INVOCATIONS } from './size.js';

const components = ['x', 'y', 'z', 'w'];

/**
 * `forwardTile`: an invocation has `perThread` units, in quads that stand 64 units apart, and as many samples likewise:
 * neighbours load neighbouring vec4s. It leaves the active units and the outputs' parts in scratch.
 */
export function tilesForward(perThread: PerThread): string {
  const quads = times(perThread / 4, (v) => v);
  const samples = times(perThread, (j) => j);
  /** vec4s along each side of the tile. */
  const side = ACROSS * quads.length;
  const product = (d: string) =>
    lines([
      '{',
      ...quads.map((v) => `let w${v} = tile[(${d}) * ${side}u + ${v * ACROSS}u + ut];`),
      ...quads.map(
        (s) => `let x${s} = tile[${TILE_INVOCATIONS}u + (${d}) * ${side}u + ${s * ACROSS}u + st];`,
      ),
      ...samples.flatMap((j) =>
        quads.map((v) => `z${j}_${v} = fma(vec4f(x${j >> 2}.${components[j & 3]}), w${v}, z${j}_${v});`),
      ),
      '}',
    ]);
  return /* wgsl */ `
fn forwardTile(at: Place, unitTile: u32, sampleTile: u32, id: u32) {
  let ut = id % ${ACROSS}u;
  let st = id / ${ACROSS}u;
  // What this invocation stages: a row (a feature) of both factors and a quad in it, the next while this one is used.
  let row = id / ${side}u;
  let unitQuad = unitTile * ${side}u + id % ${side}u;
  let sampleQuad = sampleTile * ${side}u + id % ${side}u;
  var weights = vec4f();
  var bits = vec4u();
  if (row < shape.features) {
    if (unitQuad < shape.unitQuads) { weights = state[at.state + row * shape.unitQuads + unitQuad]; }
    if (sampleQuad < shape.sampleQuads) { bits = batches[at.batch + sampleQuad] >> vec4u(row); }
  }
  ${lines(samples.map((j) => quads.map((v) => `var z${j}_${v} = vec4f();`).join(' ')))}
  for (var first = 0u; first < shape.features; first += shape.depth) {
    tile[id] = weights;
    tile[${TILE_INVOCATIONS}u + id] = vec4f(bits & vec4u(1u));
    workgroupBarrier();
    let feature = first + shape.depth + row;
    weights = vec4f();
    bits = vec4u();
    if (feature < shape.features) {
      if (unitQuad < shape.unitQuads) { weights = state[at.state + feature * shape.unitQuads + unitQuad]; }
      if (sampleQuad < shape.sampleQuads) {
        bits = batches[at.batch + (feature >> 5u) * shape.sampleQuads + sampleQuad] >> vec4u(feature & 31u);
      }
    }
    for (var d = 0u; d < shape.depth; d++) {
      ${product('d')}
    }
    workgroupBarrier();
  }
  ${lines(quads.map((s) => `var active${s} = 0u;`))}
  ${lines(
    quads.map((v) =>
      lines([
        '{',
        `let quad = unitTile * ${side}u + ${v * ACROSS}u + ut;`,
        'var b1 = vec4f(); var w2 = vec4f();',
        'if (quad < shape.unitQuads) { b1 = state[b1At(at) + quad]; w2 = state[w2At(at) + quad]; }',
        ...samples.map((j) =>
          lines([
            `let z${j} = z${j}_${v} + b1;`,
            `let on${j} = select(vec4u(), vec4u(1u, 2u, 4u, 8u) << vec4u(${8 * (j & 3) + 4 * v}u), z${j} > vec4f());`,
            `active${j >> 2} |= (on${j}.x | on${j}.y) | (on${j}.z | on${j}.w);`,
            // Keeps a NaN, as PyTorch's relu does; max() need not.
            `let a${j} = select(z${j}, vec4f(), z${j} < vec4f());`,
            `let part${j} = fma(a${j}.w, w2.w, fma(a${j}.z, w2.z, fma(a${j}.y, w2.y, a${j}.x * w2.x)));`,
          ]),
        ),
        ...quads.map(
          (s) =>
            `tile[ut * ${side}u + ${s * ACROSS}u + st] = vec4f(${times(4, (c) => `part${4 * s + c}`).join(', ')});`,
        ),
        'workgroupBarrier();',
        `let ofBlock = sampleTile * ${side}u + id;`,
        `if (id < ${side}u && ofBlock < shape.sampleQuads) {`,
        '  var sum = tile[id];',
        `  for (var k = 1u; k < ${ACROSS}u; k++) { sum += tile[k * ${side}u + id]; }`,
        `  let block = unitTile * ${quads.length}u + ${v}u;`,
        '  keep(at.scratch + shape.partialsAt + 4u * (block * shape.sampleQuads + ofBlock), sum);',
        '}',
        'workgroupBarrier();',
        '}',
      ]),
    ),
  )}
  let activeAt = at.scratch + shape.activeAt + (unitTile * ${ACROSS}u + ut) * shape.sampleQuads;
  ${lines(
    quads.map(
      (s) =>
        `{ let quad = sampleTile * ${side}u + ${s * ACROSS}u + st; ` +
        `if (quad < shape.sampleQuads) { scratch[activeAt + quad] = active${s}; } }`,
    ),
  )}
}
`;
}

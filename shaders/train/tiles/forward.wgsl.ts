/**
 * The forward tile of the training step (train.wgsl.ts): z1 of some hidden units and samples. A WGSL fragment,
 * no kernel of its own.
 */
import { times } from '../../shared/lists.js';
import { wgsl } from '../../wgsl.js';
import { forwardMatrices } from './forward-matrices.wgsl.js';
import { ACROSS, TILE_INVOCATIONS, type TilesOptions } from './size.js';

/**
 * `forwardTile`: an invocation takes `perThread` units, in quads that lie 64 units apart, and as many samples in the
 * same way, so that neighbours load neighbouring vec4s. It leaves the active units and the outputs' parts in scratch, b2
 * in the first of them. The variables `z<sample>_<quad of units>` are sums over features.
 *
 * Rows of workgroup memory are numbers in the text where they can be: those need no check of their bounds.
 */
export function tilesForward(options: TilesOptions): string {
  const { perThread, unrolled, lanes } = options;
  const byMatrices = lanes !== undefined;
  const quads = perThread / 4;
  const depth = TILE_INVOCATIONS / (ACROSS * quads);
  const otherParts = times(ACROSS - 1, (k) => ({ half: Math.floor((k + 1) / depth), row: (k + 1) % depth }));
  const samples = times(perThread, (j) => ({ j, quad: Math.floor(j / 4), component: 'xyzw'[j % 4] }));
  const sampleQuads = times(quads, (s) => ({ s, x: 4 * s, y: 4 * s + 1, z: 4 * s + 2, w: 4 * s + 3 }));
  return wgsl`
fn forwardTile(at: Place, unitTile: u32, sampleTile: u32, id: u32) {
  let ut = id % across;
  let st = id / across;
  ${byMatrices ? forwardMatrices(lanes) : multiplyAdds(options)}
  #for s in ${quads}
  var active$s = 0u;
  #endfor
  // Only the tile that adds it may read it: another workgroup of the launch may step it (advance.wgsl.ts).
  var b2 = 0.0;
  if (unitTile == 0u) { b2 = state[b2At(at)].x; }
  #for v in ${quads}
  {
    let quad = unitTile * side + $v * across + ut;
    var b1 = vec4f();
    var w2 = vec4f();
    if (quad < shape.unitQuads) {
      b1 = state[b1At(at) + quad];
      w2 = state[w2At(at) + quad];
    }
    #for sample in ${samples}
    ${partOfOutput}
    #endfor
    #for s in ${sampleQuads}
    #if ${byMatrices}
    results[ut * side + $s.s * across + st] = vec4f(part$s.x, part$s.y, part$s.z, part$s.w);
    #else
    tile[ut / depth][ut % depth][$s.s * across + st] = vec4f(part$s.x, part$s.y, part$s.z, part$s.w);
    #endif
    #endfor
    workgroupBarrier();
    let ofBlock = sampleTile * side + id;
    if (id < side && ofBlock < shape.sampleQuads) {
      #if ${byMatrices}
      var sum = results[id];
      for (var k = 1u; k < across; k++) { sum += results[k * side + id]; }
      #elif ${unrolled}
      var sum = tile[0][0][id];
      #for k in ${otherParts}
      sum += tile[$k.half][$k.row][id];
      #endfor
      #else
      var sum = tile[0][0][id];
      for (var k = 1u; k < across; k++) { sum += tile[k / depth][k % depth][id]; }
      #endif
      let block = unitTile * quads + $v;
      if (block == 0u) { sum += vec4f(b2); }
      keep(at.partials + 4u * (block * shape.sampleQuads + ofBlock), sum);
    }
    workgroupBarrier();
  }
  #endfor
  let activeAt = at.scratch + shape.activeAt + (unitTile * across + ut) * shape.sampleQuads;
  #for s in ${quads}
  {
    let quad = sampleTile * side + $s * across + st;
    if (quad < shape.sampleQuads) { scratch[activeAt + quad] = active$s; }
  }
  #endfor
}
`;
}

/** For one sample and the units of quad v: the bits of the active units, and their part of the output. */
const partOfOutput = wgsl`
let z$sample.j = z$sample.j_$v + b1;
// Keeps a NaN, as PyTorch's relu does, and counts it as active; max() may not.
let off$sample.j = z$sample.j <= vec4f();
let on$sample.j = select(vec4u(1u, 2u, 4u, 8u) << vec4u(8 * ($sample.j & 3) + 4 * $v), vec4u(), off$sample.j);
active$sample.quad |= (on$sample.j.x | on$sample.j.y) | (on$sample.j.z | on$sample.j.w);
let a$sample.j = select(z$sample.j, vec4f(), off$sample.j);
let part$sample.j = fma(a$sample.j.w, w2.w, fma(a$sample.j.z, w2.z, fma(a$sample.j.y, w2.y, a$sample.j.x * w2.x)));
`;

/** The products of a tile by multiply-adds in registers; both factors are staged in workgroup memory. */
function multiplyAdds({ perThread, unrolled }: TilesOptions): string {
  const quads = perThread / 4;
  const depth = TILE_INVOCATIONS / (ACROSS * quads);
  const staged = unrolled ? times(depth, (d) => `${d}u`) : ['d'];
  const samples = times(perThread, (j) => ({ j, quad: Math.floor(j / 4), component: 'xyzw'[j % 4] }));
  return wgsl`
// What this invocation stages: one quad of both factors, in a row (a feature); it loads the next while these are
// used.
let row = id / side;
let column = id % side;
let unitQuad = unitTile * side + column;
let sampleQuad = sampleTile * side + column;
var weights = vec4f();
var bits = vec4u();
if (row < shape.features) {
  if (unitQuad < shape.unitQuads) { weights = state[at.state + row * shape.unitQuads + unitQuad]; }
  if (sampleQuad < shape.sampleQuads) { bits = batches[at.batch + sampleQuad] >> vec4u(row); }
}
#for j in ${perThread}
#for v in ${quads}
var z$j_$v = vec4f();
#endfor
#endfor
for (var first = 0u; first < shape.features; first += depth) {
  tile[0][row][column] = weights;
  tile[1][row][column] = vec4f(bits & vec4u(1u));
  workgroupBarrier();
  let feature = first + depth + row;
  weights = vec4f();
  bits = vec4u();
  if (feature < shape.features) {
    if (unitQuad < shape.unitQuads) { weights = state[at.state + feature * shape.unitQuads + unitQuad]; }
    if (sampleQuad < shape.sampleQuads) {
      bits = batches[at.batch + (feature >> 5u) * shape.sampleQuads + sampleQuad] >> vec4u(feature & 31u);
    }
  }
  #if ${!unrolled}
  for (var d = 0u; d < shape.depth; d++) {
  #endif
  #for d in ${staged}
  {
    #for v in ${quads}
    let w$v = tile[0][$d][$v * across + ut];
    #endfor
    #for v in ${quads}
    let x$v = tile[1][$d][$v * across + st];
    #endfor
    #for sample in ${samples}
    #for v in ${quads}
    z$sample.j_$v = fma(vec4f(x$sample.quad.$sample.component), w$v, z$sample.j_$v);
    #endfor
    #endfor
  }
  #endfor
  #if ${!unrolled}
  }
  #endif
  workgroupBarrier();
}
`;
}

/**
 * The two halves of a training step (train.wgsl.ts) behind one entry point: the host encodes a launch without naming pipeline and
 * bindings anew, which is most of what one costs it. A fragment for the end of that module.
 */
import { wgsl } from '../../wgsl.js';

/**
 * `half`: `forward` where there are as many workgroups as the forward pass has tiles, else `backward` and, as one tile has all
 * features, the vectors.
 */
export const halfOfStep = wgsl`
@compute @workgroup_size(invocations)
fn half(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) id: u32,
) {
  let isForward = groups.x == shape.unitTiles * shape.sampleTiles;
  let step = stepNow(select(1u, 0u, isForward), id);
  if (group.x == 0u && group.y == 0u && id == 0u) {
    if (isForward) { scratch[1] = step; } else { scratch[0] = step + 1u; }
  }
  if (step >= stepsOf(group.y)) { return; }
  let at = place(group.y, step);
  if (isForward) {
    forwardTile(at, group.x % shape.unitTiles, group.x / shape.unitTiles, id);
    return;
  }
  let block = group.x;
  if (block >= shape.unitBlocks) { return; }
  backwardTile(at, block, 0u, id, true, block == 0u);
  storageBarrier();
  // The last block of units also has the quad after the last unit.
  let end = select((block + 1u) * shape.blockQuads, shape.unitQuads + 1u, block + 1u == shape.unitBlocks);
  for (var quad = block * shape.blockQuads + id; quad < end; quad += invocations) { vectorsOf(at, quad); }
}
`;

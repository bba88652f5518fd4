/**
 * The backward pass of a training step (train.wgsl.ts) and the forward pass of the next one in one launch: half the launches, whose
 * encoding is most of what a step of few runs costs the host. A fragment for the end of that module.
 *
 * What makes this right without a barrier over all workgroups: a workgroup steps the weights of its own units, for which it then
 * computes z1. Parts of outputs are read by all, so those of one step and of the next lie in two places. b2 is used by the
 * workgroup that steps it, the first.
 */
import { wgsl } from '../../wgsl.js';

/**
 * `advance`: x: block of units, one more workgroup in every other launch. That tells which of the first two words of scratch has
 * the number of launches before: the other one is written for the next launch. A tile has all features, and a block of
 * units of the backward pass is a tile of the forward pass.
 */
export const advanceSteps = wgsl`
@compute @workgroup_size(invocations)
fn advance(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) id: u32,
) {
  let block = group.x;
  let word = groups.x - shape.unitBlocks;
  let step = stepNow(word, id);
  if (block == 0u && group.y == 0u && id == 0u) { scratch[1u - word] = step + 1u; }
  if (block >= shape.unitBlocks) { return; }
  let count = stepsOf(group.y);
  if (step > 0u && step <= count) {
    let at = place(group.y, step - 1u);
    backwardTile(at, block, 0u, id, true, block == 0u);
    storageBarrier();
    vectorsOfBlock(at, block, id);
    storageBarrier();
  }
  if (step < count) {
    for (var t = 0u; t < shape.sampleTiles; t++) { forwardTile(place(group.y, step), block, t, id); }
  }
}
`;

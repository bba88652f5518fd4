/**
 * Steps of many networks of any shape. The network is data: each step walks through a list of stages (chunk.wgsl.ts), so one
 * compiled kernel trains all shapes, losses and optimizers, side by side. There are two schedules. `persistent`: one dispatch for
 * many steps, with a workgroup for each run, which does all stages of all its steps. `batched`: a dispatch for each stage of each
 * step, with as many workgroups for each run as the stage has work for.
 *
 * Loops that take most of the time test their condition at the end: lavapipe runs the body of a loop that begins with its
 * condition once more, with no lane active.
 *
 * A batch may be cut into parts, which go through the stages one after the other: gradients and losses go on from the sums of the
 * parts before, and parameters change after the last one.
 *
 * Every sum is added up in one order, from the first term on, whatever the tile and the workgroup. So a run's bits depend neither
 * on the runs beside it nor on how its steps are cut into chunks and its batches into parts.
 */
import { floatFunctionsIn } from '../shared/floats.wgsl.js';
import { times } from '../shared/lists.js';
import { wgsl } from '../wgsl.js';
import { activationFunctions } from './activations.wgsl.js';
import {
  BATCH_DEPTH,
  BATCH_ROWS,
  FORMATS,
  NONE,
  POSITION,
  RESULT,
  STAGE,
  STAGE_KINDS,
  STEP,
  STRIPES,
} from './chunk.wgsl.js';
import { drawing } from './draw-stage.wgsl.js';
import { lossStage } from './loss-stage.wgsl.js';
import { lossFunctions } from './losses.wgsl.js';
import { optimizerFunctions } from './optimizers.wgsl.js';
import { productByBlocks } from './product-blocks.wgsl.js';
import { productByLanes } from './product-lanes.wgsl.js';
import { builtInSamplers } from './samplers.wgsl.js';
import { gradients, stageFunctions } from './stages.wgsl.js';

/** How the work of a training is spread; see {@link NetworkLockstepOptions.kernel}. */
export type Schedule = 'persistent' | 'batched';

/** What the text of the kernel depends on. */
export interface StepVariant {
  schedule: Schedule;
  /** Invocations of a workgroup. */
  invocations: number;
  /**
   * The invocations of a subgroup, where subgroups are vectors of a processor and a workgroup is one of them. Then products are
   * those of product-lanes.wgsl.ts, and no barriers are needed, as the lanes of a vector run in step.
   */
  lanes?: number;
  /** WGSL of the sampler that makes the examples of runs without a dataset: `fn sample(e: Example)`. */
  sampler?: string;
  /** Whether batches may be cut into parts. Default false: this takes longer to compile. */
  cuts?: boolean;
  /** Over how many buffers a dataset may be cut, and the words in each but the last. Default: it is in one. */
  data?: { buffers: number; words: number };
}

/** `wordAt`: a word of a dataset. */
const reading = ({ buffers, words }: NonNullable<StepVariant['data']>) => {
  const more = times(buffers - 1, (k) => ({ k: k + 1, number: `${k + 1}u`, binding: 8 + k }));
  return wgsl`
#if ${buffers === 1}
fn wordAt(at: u32) -> u32 { return data[at]; }
#else
#for buffer in ${more}
@group(0) @binding($buffer.binding) var<storage, read> data$buffer.k: array<u32>;
#endfor
fn wordAt(at: u32) -> u32 {
  let place = at % ${words}u;
  switch (at / ${words}u) {
    #for buffer in ${more}
    case $buffer.number: { return data$buffer.k[place]; }
    #endfor
    default: { return data[place]; }
  }
}
#endif
`;
};

const declarations = wgsl`
${STAGE.wgsl}
${POSITION.wgsl}
${STEP.wgsl}
${RESULT.wgsl}
const none = ${NONE}u;
const batchRows = ${BATCH_ROWS}u;
const batchDepth = ${BATCH_DEPTH}u;
const stripes = ${STRIPES}u;
#for kind in ${Object.entries(STAGE_KINDS).map(([name, code]) => ({ name: `${name}Stage`, code }))}
const $kind.name: u32 = $kind.code;
#endfor
#for format in ${Object.entries(FORMATS).map(([name, code]) => ({ name: `${name}Format`, code }))}
const $format.name: u32 = $format.code;
#endfor

/** x: the position of the first run. In the schedule batched also y: the step of the chunk; z: the stage. */
@group(0) @binding(0) var<uniform> dispatch: vec4u;
@group(0) @binding(1) var<storage, read> positions: array<Position>;
@group(0) @binding(2) var<storage, read> stages: array<Stage>;
@group(0) @binding(3) var<storage, read> steps: array<Step>;
@group(0) @binding(4) var<storage, read> order: array<u32>;
@group(0) @binding(5) var<storage, read> data: array<u32>;
@group(0) @binding(6) var<storage, read_write> memory: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> results: array<Result>;
`;

/**
 * A stage of a step of the run at `p`. `id` is one of `invocations`, of which all that work on the run have their own; `local` one
 * of those of its workgroup. Products have `workers`, of which this is one.
 */
const stageOf = ({ lanes = 0, sampler, schedule }: StepVariant) => wgsl`
if (stage.kind == forwardStage || stage.kind == inputGradientStage || stage.kind == weightGradientStage) {
  product(p, step, stage, worker, workers, lane);
#if ${sampler !== undefined}
} else if ((stage.kind == gatherStage || stage.kind == countStage) && p.rowFormat == samplerFormat) {
  draw(p, step, stage, id, invocations);
#endif
} else if (stage.kind == gatherStage) {
  gather(p, step, stage, id, invocations);
} else if (stage.kind == transposeStage) {
  if (step.begins != 0u) { transpose(p, stage, id, invocations); }
} else if (stage.kind == biasGradientStage) {
  biasGradient(p, step, stage, id, invocations);
} else if (stage.kind == lossStage) {
  loss(p, step, stage, id, invocations);
} else if (stage.kind == tallyStage${schedule === 'batched' ? ' && group.x == 0u' : ''}) {
  tallyStripes(p, step, stage, local, groupSize);
  #if ${lanes === 0}
  storageBarrier();
  #endif
  if (local == 0u && step.ends != 0u) { tally(p, step, stage, s); }
}
`;

const entry = (variant: StepVariant) => {
  const { invocations, lanes = 0, schedule } = variant;
  const isBatched = schedule === 'batched';
  return wgsl`
const groupSize = ${invocations}u;

@compute @workgroup_size(groupSize)
fn train(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) local: u32,
  #if ${isBatched}
  @builtin(num_workgroups) groups: vec3u,
  #endif
  #if ${lanes > 0}
  @builtin(subgroup_invocation_id) lane: u32,
  #endif
) {
  #if ${isBatched}
  let id = group.x * groupSize + local;
  let invocations = groups.x * groupSize;
  #else
  let id = local;
  let invocations = groupSize;
  #endif
  #if ${lanes > 0}
  // A product has a subgroup for worker, of which a workgroup has one.
  let worker = id / groupSize;
  let workers = invocations / groupSize;
  #else
  let lane = 0u;
  let worker = id;
  let workers = invocations;
  #endif
  #if ${isBatched}
  let p = positions[dispatch.x + group.y];
  let s = dispatch.y;
  if (s >= p.steps || dispatch.z >= p.stages) { return; }
  let step = steps[p.firstStep + s];
  let stage = stages[p.firstStage + dispatch.z];
  ${stageOf(variant)}
  #else
  let p = positions[dispatch.x + group.x];
  for (var s = 0u; s < p.steps; s++) {
    let step = steps[p.firstStep + s];
    for (var k = 0u; k < p.stages; k++) {
      let stage = stages[p.firstStage + k];
      ${stageOf(variant)}
      #if ${lanes === 0}
      storageBarrier();
      #endif
    }
  }
  #endif
}
`;
};

/** The kernel's WGSL. src/kernels/network/kernel.ts binds its buffers. */
export function networkSteps(variant: StepVariant): string {
  const { lanes, sampler, cuts = false, data = { buffers: 1, words: 0 } } = variant;
  const body = [
    reading(data),
    activationFunctions,
    lossFunctions,
    optimizerFunctions,
    gradients(cuts),
    stageFunctions,
    lossStage,
    sampler === undefined ? '' : drawing(sampler, sampler !== builtInSamplers),
    lanes ? productByLanes(lanes, cuts) : productByBlocks(cuts),
    entry(variant),
  ].join('\n');
  return wgsl`
#if ${lanes !== undefined}
enable subgroups;
diagnostic(off, subgroup_uniformity);
#endif
${declarations}
${floatFunctionsIn(body)}
${body}
`;
}

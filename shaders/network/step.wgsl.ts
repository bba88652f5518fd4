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
import { lossFunctions } from './losses.wgsl.js';
import { optimizerFunctions } from './optimizers.wgsl.js';
import { productByBlocks } from './product-blocks.wgsl.js';
import { productByLanes } from './product-lanes.wgsl.js';
import { builtInSamplers, samplerFunctions } from './samplers.wgsl.js';

/** How the work of a chunk is spread over dispatches and workgroups. */
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

/** What becomes of gradients. `cuts`: batches may have several parts. */
const gradients = (cuts: boolean) => wgsl`
#if ${cuts}
fn gradientAt(p: Position, offset: u32) -> u32 { return (p.memory + p.gradients + offset) >> 2u; }

/** The gradient of four parameters by the parts of the batch before this one. */
fn gradientBefore(p: Position, step: Step, offset: u32) -> vec4f {
  if (step.begins != 0u) { return vec4f(); }
  return memory[gradientAt(p, offset)];
}

/** Steps four parameters with their gradient if the batch ends; else keeps the gradient for the next part. */
fn takeGradient(p: Position, step: Step, offset: u32, gradient: vec4f) {
  if (step.ends != 0u) { optimize(p, step, offset, gradient); }
  else { memory[gradientAt(p, offset)] = gradient; }
}

/** Whether the sums of a product go on from those of the parts before. */
fn goesOn(step: Step, stage: Stage) -> bool { return stage.kind == weightGradientStage && step.begins == 0u; }
#else
fn gradientBefore(p: Position, step: Step, offset: u32) -> vec4f { return vec4f(); }
fn takeGradient(p: Position, step: Step, offset: u32, gradient: vec4f) { optimize(p, step, offset, gradient); }
#endif
`;

const stageFunctions = wgsl`
/** The distance from one row of a matrix to the next: rows begin at multiples of four numbers. */
fn pitchOf(columns: u32) -> u32 { return (columns + 3u) & ~3u; }

fn numberAt(at: u32) -> f32 { return memory[at >> 2u][at & 3u]; }

/**
 * Of the four numbers that lie together one invocation keeps all: in WGSL a write of one component of a vector may be a write of
 * the whole, and of two invocations one would lose its number.
 */
fn keepAt(at: u32, x: f32) { memory[at >> 2u][at & 3u] = x; }

/** Which of four columns exist. */
fn existing(column: u32, columns: u32) -> vec4<bool> {
  return vec4u(column) + vec4u(0u, 1u, 2u, 3u) < vec4u(columns);
}

fn dataAt(format: u32, at: u32, k: u32) -> f32 {
  if (format == floatsFormat) { return bitcast<f32>(wordAt(at + k)); }
  if (format == classesFormat) { return f32(bitcast<i32>(wordAt(at + k))); }
  let bit = f32((wordAt(at + (k >> 5u)) >> (k & 31u)) & 1u);
  return select(bit, 2.0 * bit - 1.0, format == signsFormat);
}

fn fourAt(format: u32, at: u32, first: u32, count: u32) -> vec4f {
  var four = vec4f();
  var k = 0u;
  loop {
    var x = 0.0;
    if (first + k < count) { x = dataAt(format, at, first + k); }
    four = vec4f(four.yzw, x);
    continuing {
      k++;
      break if k == 4u;
    }
  }
  return four;
}

/** Writes rows to stage.c, [batch, columns], and targets to stage.below, [batch, targetWidth]. Eight invocations an example. */
fn gather(p: Position, step: Step, stage: Stage, worker: u32, workers: u32) {
  let rowPitch = pitchOf(stage.columns);
  let targetPitch = pitchOf(p.targetWidth);
  for (var b = worker / 8u; b < step.count; b += workers / 8u) {
    var row = step.row + b;
    if (p.ordered != 0u) { row = order[row]; }
    let rowAt = p.rows + row * p.rowWords;
    var i = 4u * (worker % 8u);
    loop {
      if (i < stage.columns) {
        memory[(p.memory + stage.c + b * rowPitch + i) >> 2u] = fourAt(p.rowFormat, rowAt, i, stage.columns);
      }
      continuing {
        i += 32u;
        break if i >= stage.columns;
      }
    }
    let targetAt = p.targets + row * p.targetWords;
    i = 4u * (worker % 8u);
    loop {
      if (i < p.targetWidth) {
        let to = p.memory + stage.below + b * targetPitch + i;
        memory[to >> 2u] = fourAt(p.targetFormat, targetAt, i, p.targetWidth);
      }
      continuing {
        i += 32u;
        break if i >= p.targetWidth;
      }
    }
  }
}

/** Takes four neighbouring sums of a product, and does with them what the kind of stage asks for. */
fn finish(p: Position, step: Step, stage: Stage, row: u32, column: u32, sums: vec4f) {
  let place = row * pitchOf(stage.columns) + column;
  let exists = existing(column, stage.columns);
  let at = (p.memory + stage.c + place) >> 2u;
  if (stage.kind == weightGradientStage) {
    takeGradient(p, step, stage.c + place, select(vec4f(), sums, exists));
    return;
  }
  var result = sums;
  if (stage.kind == forwardStage) {
    if (stage.bias != none) { result += memory[(p.memory + stage.bias + column) >> 2u]; }
    if (stage.kept != none) { memory[(p.memory + stage.kept + place) >> 2u] = result; }
    result = activate(stage.activation, stage.parameter, result);
  } else {
    let y = memory[(p.memory + stage.below + place) >> 2u];
    var z = vec4f();
    if (stage.kept != none) { z = memory[(p.memory + stage.kept + place) >> 2u]; }
    result *= derivative(stage.activation, stage.parameter, z, y);
  }
  memory[at] = select(vec4f(), result, exists);
}

/** Each invocation writes rows of the result, four numbers at a time. */
fn transpose(p: Position, stage: Stage, worker: u32, workers: u32) {
  let weights = p.memory + stage.a;
  let pitch = pitchOf(stage.columns);
  for (var u = worker; u < stage.columns; u += workers) {
    var i = 0u;
    loop {
      var four = vec4f();
      var k = 0u;
      loop {
        var x = 0.0;
        if (i + k < stage.rows) { x = numberAt(weights + (i + k) * pitch + u); }
        four = vec4f(four.yzw, x);
        continuing {
          k++;
          break if k == 4u;
        }
      }
      memory[(p.memory + stage.c + u * pitchOf(stage.rows) + i) >> 2u] = four;
      continuing {
        i += 4u;
        break if i >= stage.rows;
      }
    }
  }
}

/** Adds up the gradient at stage.b over the batch, and steps the biases at stage.c with it. */
fn biasGradient(p: Position, step: Step, stage: Stage, worker: u32, workers: u32) {
  let pitch = pitchOf(stage.columns);
  for (var u = 4u * worker; u < stage.columns; u += 4u * workers) {
    var at = (p.memory + stage.b + u) >> 2u;
    var sum = gradientBefore(p, step, stage.c + u);
    var b = 0u;
    loop {
      sum += memory[at];
      at += pitch >> 2u;
      continuing {
        b++;
        break if b >= step.count;
      }
    }
    takeGradient(p, step, stage.c + u, select(vec4f(), sum, existing(u, stage.columns)));
  }
}

/** The place of an example's targets. */
fn targetsOf(p: Position, stage: Stage, b: u32) -> u32 { return p.memory + stage.below + b * pitchOf(p.targetWidth); }

/** Whether an example counts: not if its class is the ignored one. */
fn counts(p: Position, wanted: f32) -> bool { return p.targetFormat != classesFormat || wanted != p.lossParameter; }

/** 1 / the number of values over which a loss is averaged: stage.bias is where their number is, unless the host has counted them. */
fn invNumbers(p: Position, step: Step, stage: Stage) -> f32 {
  if (stage.bias == none || p.rowFormat != samplerFormat) { return step.invNumbers; }
  return 1.0 / numberAt(p.memory + stage.bias);
}

/**
 * Reads the outputs at stage.a, the inputs of the last activation at stage.kept, and the targets at stage.below. Writes the
 * gradient by the activation's inputs to stage.c, unless that is none, and a vec4 with each example's loss and hits to stage.b,
 * [stripes + batch], after the sums.
 */
fn loss(p: Position, step: Step, stage: Stage, worker: u32, workers: u32) {
  let share = invNumbers(p, step, stage);
  let pitch = pitchOf(stage.columns);
  for (var b = worker; b < step.count; b += workers) {
    let wanted = targetsOf(p, stage, b);
    var one = vec2f();
    if (p.targetFormat == classesFormat) { one = lossOfClasses(p, stage, b * pitch, numberAt(wanted), share); }
    else { one = lossOfNumbers(p, stage, b * pitch, wanted, share); }
    memory[talliesAt(p, stage) + stripes + b] = vec4f(one, 0.0, 0.0);
  }
}

/** The cross-entropy of an example, by log-sum-exp, and 1 if its largest logit is that of its class. */
fn lossOfClasses(p: Position, stage: Stage, row: u32, wanted: f32, share: f32) -> vec2f {
  let at = p.memory + stage.a + row;
  var most = numberAt(at);
  var best = 0u;
  for (var k = 1u; k < stage.columns; k++) {
    let z = numberAt(at + k);
    if (z > most || isNan(z)) { most = z; best = k; }
  }
  var total = 0.0;
  for (var k = 0u; k < stage.columns; k++) { total += expOf(numberAt(at + k) - most); }
  let chosen = min(u32(max(wanted, 0.0)), stage.columns - 1u);
  let counted = counts(p, wanted);
  if (stage.c != none) {
    for (var k = 0u; k < stage.columns; k++) {
      let y = numberAt(at + k);
      let slope = expOf(y - most) / total - select(0.0, 1.0, k == chosen);
      keepGradient(p, stage, row + k, select(0.0, slope * share, counted), y);
    }
  }
  let value = logOf(total) - (numberAt(at + chosen) - most);
  return select(vec2f(), vec2f(value, select(0.0, 1.0, best == chosen)), counted);
}

fn lossOfNumbers(p: Position, stage: Stage, row: u32, wanted: u32, share: f32) -> vec2f {
  var sums = vec2f();
  for (var k = 0u; k < stage.columns; k++) {
    let y = numberAt(p.memory + stage.a + row + k);
    let one = elementLoss(p.loss, p.lossParameter, y, numberAt(wanted + k));
    sums += vec2f(one.loss, one.hit);
    if (stage.c != none) { keepGradient(p, stage, row + k, one.slope * share, y); }
  }
  return sums;
}

fn keepGradient(p: Position, stage: Stage, place: u32, slope: f32, y: f32) {
  var z = 0.0;
  if (stage.kept != none) { z = numberAt(p.memory + stage.kept + place); }
  keepAt(p.memory + stage.c + place, slope * derivative(stage.activation, stage.parameter, vec4f(z), vec4f(y)).x);
}

/** The examples of a stripe lie as far apart as there are stripes. Adds up each stripe, on from the parts before. */
fn tallyStripes(p: Position, step: Step, stage: Stage, worker: u32, workers: u32) {
  for (var first = worker; first < min(stripes, step.count); first += workers) {
    var sums = vec2f();
    if (step.begins == 0u) { sums = tallied(p, stage, first); }
    for (var b = first; b < step.count; b += stripes) { sums += tallied(p, stage, stripes + b); }
    memory[talliesAt(p, stage) + first] = vec4f(sums, 0.0, 0.0);
  }
}

fn talliesAt(p: Position, stage: Stage) -> u32 { return (p.memory + stage.b) >> 2u; }

fn tallied(p: Position, stage: Stage, b: u32) -> vec2f { return memory[talliesAt(p, stage) + b].xy; }

fn tally(p: Position, step: Step, stage: Stage, s: u32) {
  var sums = vec2f();
  for (var k = 0u; k < select(stripes, min(stripes, step.count), step.begins != 0u); k++) { sums += tallied(p, stage, k); }
  let share = invNumbers(p, step, stage);
  results[p.firstStep + s] = Result(sums.x * share, sums.y, 1.0 / share);
}
`;

/**
 * `draw`, which replaces `gather` where a sampler makes the examples. `clears`: numbers are set to 0 first, as the sampler may
 * leave some out.
 */
const drawing = (sampler: string, clears: boolean) => wgsl`
${samplerFunctions}
${sampler}

/** Makes the example b of this part at a place. In an evaluation all have the same step, and are numbered across its batches. */
fn drawTo(p: Position, step: Step, stage: Stage, b: u32, place: u32) {
  let inputsAt = p.memory + stage.c + place * pitchOf(stage.columns);
  let targetsAt = targetsOf(p, stage, place);
  #if ${clears}
  for (var i = 0u; i < stage.columns; i++) { keepAt(inputsAt + i, 0.0); }
  for (var i = 0u; i < p.targetWidth; i++) { keepAt(targetsAt + i, 0.0); }
  #endif
  sample(Example(
    vec2u(p.keyLow, p.keyHigh),
    p.stream,
    step.draw,
    step.row + b,
    p.rows,
    stage.columns,
    inputsAt,
    p.targetWidth,
    targetsAt,
  ));
}

/** Examples are counted in at most this many sums. */
const counters = 1024u;

/**
 * Each invocation makes other examples. The loss is a mean over those that count, whose number is needed before the first part's
 * gradients: so where the device counts them, the batch is made twice. To count, the examples of a sum are made at one place, one over
 * the other; the sums are kept at stage.b, after the tallies', and added up when the part's examples are made.
 */
fn draw(p: Position, step: Step, stage: Stage, worker: u32, workers: u32) {
  let isCount = stage.kind == countStage;
  if (isCount && step.begins == 0u) { return; }
  let sums = min(counters, step.count);
  if (!isCount && stage.bias != none && step.begins != 0u && worker == 0u) {
    var counted = 0.0;
    for (var k = 0u; k < sums; k++) { counted += tallied(p, stage, stripes + k).x; }
    keepAt(p.memory + stage.bias, counted);
  }
  let places = select(step.count, sums, isCount);
  let examples = select(step.count, step.examples, isCount);
  for (var place = worker; place < places; place += workers) {
    var counted = 0.0;
    for (var b = place; b < examples; b += places) {
      drawTo(p, step, stage, b, place);
      if (isCount && counts(p, numberAt(targetsOf(p, stage, place)))) { counted += 1.0; }
    }
    if (isCount) { memory[talliesAt(p, stage) + stripes + place] = vec4f(counted, 0.0, 0.0, 0.0); }
  }
}
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

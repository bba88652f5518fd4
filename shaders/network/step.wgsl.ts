/**
 * Many steps of many networks of any shape in one dispatch. The network is data: each step walks through a list of stages
 * (chunk.wgsl.ts), so one compiled kernel trains all shapes, losses and optimizers, side by side. Two entry points call the
 * same functions and give the same bits: `train`, a workgroup a run, all stages of all its steps; and `stage`, one stage of one
 * step of all runs, the work of a run spread over several workgroups.
 *
 * Loops that matter end with their condition: lavapipe runs the body of one that begins with it once more, with no lane active.
 *
 * Every sum runs in one order, whatever the tile and the workgroup: over the inputs, over the batch, over the units, from
 * the first on. So a run's bits depend neither on its company nor on how its steps are cut.
 */
import { floatFunctionsIn } from '../shared/floats.wgsl.js';
import { wgsl } from '../wgsl.js';
import { activationFunctions } from './activations.wgsl.js';
import {
  BATCH_DEPTH,
  BATCH_ROWS,
  FORMATS,
  NO_CLASS,
  NONE,
  POSITION,
  RESULT,
  STAGE,
  STAGE_KINDS,
  STEP,
} from './chunk.wgsl.js';
import { lossFunctions } from './losses.wgsl.js';
import { optimizerFunctions } from './optimizers.wgsl.js';
import { productByBlocks } from './product-blocks.wgsl.js';
import { productByLanes } from './product-lanes.wgsl.js';
import { builtInSamplers, STREAMS, samplerFunctions } from './samplers.wgsl.js';

/** What the kernel's text depends on. */
export interface StepVariant {
  /** Invocations of a workgroup. */
  invocations: number;
  /**
   * Where subgroups are vectors of a processor, all of this size, and a workgroup is one of them: products by lanes, and no
   * barriers, for the lanes of a vector run in step.
   */
  lanes?: number;
  /** WGSL of the sampler that makes examples where they are not of a dataset: `fn sample(e: Example)`. */
  sampler?: string;
}

/** The losses' sums are added in so many stripes, whoever adds them. */
const STRIPES = 64;

const declarations = wgsl`
${STAGE.wgsl}
${POSITION.wgsl}
${STEP.wgsl}
${RESULT.wgsl}
const none = ${NONE}u;
const noClass = ${NO_CLASS};
const batchRows = ${BATCH_ROWS}u;
const batchDepth = ${BATCH_DEPTH}u;
const stripes = ${STRIPES}u;
#for kind in ${Object.entries(STAGE_KINDS).map(([name, code]) => ({ name: `${name}Stage`, code }))}
const $kind.name: u32 = $kind.code;
#endfor
#for format in ${Object.entries(FORMATS).map(([name, code]) => ({ name: `${name}Format`, code }))}
const $format.name: u32 = $format.code;
#endfor

/** x: the first position of the dispatch. */
@group(0) @binding(0) var<uniform> dispatch: vec4u;
@group(0) @binding(1) var<storage, read> positions: array<Position>;
@group(0) @binding(2) var<storage, read> stages: array<Stage>;
@group(0) @binding(3) var<storage, read> steps: array<Step>;
@group(0) @binding(4) var<storage, read> order: array<u32>;
@group(0) @binding(5) var<storage, read> data: array<u32>;
@group(0) @binding(6) var<storage, read_write> memory: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> results: array<Result>;
`;

const stageFunctions = wgsl`
/** Rows of matrices begin at multiples of four numbers. */
fn pitchOf(columns: u32) -> u32 { return (columns + 3u) & ~3u; }

fn numberAt(at: u32) -> f32 { return memory[at >> 2u][at & 3u]; }

fn keepAt(at: u32, x: f32) { memory[at >> 2u][at & 3u] = x; }

/** Which of four columns exist. */
fn existing(column: u32, columns: u32) -> vec4<bool> {
  return vec4u(column) + vec4u(0u, 1u, 2u, 3u) < vec4u(columns);
}

fn dataAt(format: u32, at: u32, k: u32) -> f32 {
  if (format == floatsFormat) { return bitcast<f32>(data[at + k]); }
  if (format == classesFormat) { return f32(bitcast<i32>(data[at + k])); }
  let bit = f32((data[at + (k >> 5u)] >> (k & 31u)) & 1u);
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

/** stage.c: rows, [batch, columns]; stage.below: targets, [batch, targetWidth]. Eight invocations share an example. */
fn gather(p: Position, step: Step, stage: Stage, s: u32, worker: u32, workers: u32) {
  let rowPitch = pitchOf(stage.columns);
  let targetPitch = pitchOf(p.targetWidth);
  for (var b = worker / 8u; b < step.count; b += workers / 8u) {
    var row = p.firstRow + s * p.batch + b;
    if (p.order != none) { row = order[p.order + s * p.batch + b]; }
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

/** What becomes of four sums of a product that lie side by side, by the kind of stage. */
fn finish(p: Position, step: Step, stage: Stage, row: u32, column: u32, sums: vec4f) {
  let place = row * pitchOf(stage.columns) + column;
  let exists = existing(column, stage.columns);
  let at = (p.memory + stage.c + place) >> 2u;
  if (stage.kind == weightGradientStage) {
    optimize(p, step, stage.c + place, select(vec4f(), sums, exists));
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

/** An invocation has a row of the result, four numbers at a time. */
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

fn biasGradient(p: Position, step: Step, stage: Stage, worker: u32, workers: u32) {
  let pitch = pitchOf(stage.columns);
  for (var u = 4u * worker; u < stage.columns; u += 4u * workers) {
    var at = (p.memory + stage.b + u) >> 2u;
    var sum = vec4f();
    var b = 0u;
    loop {
      sum += memory[at];
      at += pitch >> 2u;
      continuing {
        b++;
        break if b >= step.count;
      }
    }
    optimize(p, step, stage.c + u, select(vec4f(), sum, existing(u, stage.columns)));
  }
}

/** Where an example's targets begin. */
fn targetsOf(p: Position, stage: Stage, b: u32) -> u32 { return p.memory + stage.below + b * pitchOf(p.targetWidth); }

/** Whether an example counts: not if it is of the class that is ignored. */
fn counts(p: Position, wanted: f32) -> bool { return p.targetFormat != classesFormat || wanted != p.lossParameter; }

/** 1 / the numbers over which a loss is averaged. */
fn invNumbers(p: Position, step: Step, stage: Stage) -> f32 {
  if (p.targetFormat != classesFormat || p.lossParameter == noClass) { return step.invNumbers; }
  var counted = 0u;
  for (var b = 0u; b < step.count; b++) {
    if (counts(p, numberAt(targetsOf(p, stage, b)))) { counted++; }
  }
  return 1.0 / f32(counted);
}

/**
 * stage.a: outputs, stage.kept: what went into the last activation, stage.below: targets, stage.c: the gradient by that, or
 * none; stage.b: [batch][2], an example's loss and hits.
 */
fn loss(p: Position, step: Step, stage: Stage, worker: u32, workers: u32) {
  let share = invNumbers(p, step, stage);
  let pitch = pitchOf(stage.columns);
  for (var b = worker; b < step.count; b += workers) {
    let wanted = targetsOf(p, stage, b);
    var one = vec2f();
    if (p.targetFormat == classesFormat) { one = lossOfClasses(p, stage, b * pitch, numberAt(wanted), share); }
    else { one = lossOfNumbers(p, stage, b * pitch, wanted, share); }
    keepAt(p.memory + stage.b + 2u * b, one.x);
    keepAt(p.memory + stage.b + 2u * b + 1u, one.y);
  }
}

/** Cross-entropy of a row by its log-sum-exp, and whether the largest logit is the right one. */
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

/** Adds each stripe of the examples up into the place of its first one. */
fn tallyStripes(p: Position, step: Step, stage: Stage, worker: u32, workers: u32) {
  for (var first = worker; first < min(stripes, step.count); first += workers) {
    var sums = vec2f();
    for (var b = first; b < step.count; b += stripes) { sums += tallied(p, stage, b); }
    keepAt(p.memory + stage.b + 2u * first, sums.x);
    keepAt(p.memory + stage.b + 2u * first + 1u, sums.y);
  }
}

fn tallied(p: Position, stage: Stage, b: u32) -> vec2f {
  let at = p.memory + stage.b + 2u * b;
  return vec2f(numberAt(at), numberAt(at + 1u));
}

fn tally(p: Position, step: Step, stage: Stage, s: u32) {
  var sums = vec2f();
  for (var k = 0u; k < min(stripes, step.count); k++) { sums += tallied(p, stage, k); }
  let share = invNumbers(p, step, stage);
  results[p.firstStep + s] = Result(sums.x * share, sums.y, 1.0 / share);
}
`;

/** `draw`, in place of `gather` where a sampler makes the examples. `clears`: it may leave numbers out, which are 0. */
const drawing = (sampler: string, clears: boolean) => wgsl`
${samplerFunctions}
${sampler}

/** An invocation an example. A set that is looked at has all its examples in one step. */
fn draw(p: Position, step: Step, stage: Stage, s: u32, worker: u32, workers: u32) {
  let isTraining = p.stream == ${STREAMS.training}u;
  for (var b = worker; b < step.count; b += workers) {
    let inputsAt = p.memory + stage.c + b * pitchOf(stage.columns);
    let targetsAt = p.memory + stage.below + b * pitchOf(p.targetWidth);
    #if ${clears}
    for (var i = 0u; i < stage.columns; i++) { keepAt(inputsAt + i, 0.0); }
    for (var i = 0u; i < p.targetWidth; i++) { keepAt(targetsAt + i, 0.0); }
    #endif
    sample(Example(
      vec2u(p.keyLow, p.keyHigh),
      p.stream,
      p.drawStep + select(0u, s, isTraining),
      b + select(s * p.batch, 0u, isTraining),
      p.rows,
      stage.columns,
      inputsAt,
      p.targetWidth,
      targetsAt,
    ));
  }
}
`;

const entry = ({ invocations, lanes = 0, sampler }: StepVariant) => wgsl`
const invocations = ${invocations}u;

@compute @workgroup_size(invocations)
fn train(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) id: u32,
  #if ${lanes > 0}
  @builtin(subgroup_invocation_id) lane: u32,
  #endif
) {
  #if ${lanes > 0}
  // One worker of a product: the subgroup.
  let worker = 0u;
  let workers = 1u;
  #else
  let lane = 0u;
  let worker = id;
  let workers = invocations;
  #endif
  let p = positions[dispatch.x + group.x];
  for (var s = 0u; s < p.steps; s++) {
    let step = steps[p.firstStep + s];
    for (var k = 0u; k < p.stages; k++) {
      let stage = stages[p.firstStage + k];
      if (stage.kind == forwardStage || stage.kind == inputGradientStage || stage.kind == weightGradientStage) {
        product(p, step, stage, worker, workers, lane);
      #if ${sampler !== undefined}
      } else if (stage.kind == gatherStage && p.rowFormat == samplerFormat) {
        draw(p, step, stage, s, id, invocations);
      #endif
      } else if (stage.kind == gatherStage) {
        gather(p, step, stage, s, id, invocations);
      } else if (stage.kind == transposeStage) {
        transpose(p, stage, id, invocations);
      } else if (stage.kind == biasGradientStage) {
        biasGradient(p, step, stage, id, invocations);
      } else if (stage.kind == lossStage) {
        loss(p, step, stage, id, invocations);
      } else {
        tallyStripes(p, step, stage, id, invocations);
        #if ${lanes === 0}
        storageBarrier();
        #endif
        if (id == 0u) { tally(p, step, stage, s); }
      }
      #if ${lanes === 0}
      storageBarrier();
      #endif
    }
  }
}
`;

/** The WGSL. Bindings: src/kernels/network/kernel.ts. */
export function networkSteps(variant: StepVariant): string {
  const { lanes, sampler } = variant;
  const body = [
    activationFunctions,
    lossFunctions,
    optimizerFunctions,
    stageFunctions,
    sampler === undefined ? '' : drawing(sampler, sampler !== builtInSamplers),
    lanes ? productByLanes(lanes) : productByBlocks,
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

/**
 * Many steps of many networks of any shape in one dispatch. The network is data: each step walks through a list of stages
 * (chunk.wgsl.ts), so one compiled kernel trains all shapes, losses and optimizers, side by side. Two entry points call the
 * same functions and give the same bits: `train`, a workgroup a run, all stages of all its steps; and `stage`, one stage of one
 * step of all runs, the work of a run spread over several workgroups.
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

/** What the kernel's text depends on. */
export interface StepVariant {
  /** Invocations of a workgroup. */
  invocations: number;
  /**
   * Where subgroups are vectors of a processor, all of this size, and a workgroup is one of them: products by lanes, and no
   * barriers, for the lanes of a vector run in step.
   */
  lanes?: number;
}

/** The losses' sums are added in so many stripes, whoever adds them. */
const STRIPES = 64;

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

/** x: the first position of the dispatch. */
@group(0) @binding(0) var<uniform> dispatch: vec4u;
@group(0) @binding(1) var<storage, read> positions: array<Position>;
@group(0) @binding(2) var<storage, read> stages: array<Stage>;
@group(0) @binding(3) var<storage, read> steps: array<Step>;
@group(0) @binding(4) var<storage, read> order: array<u32>;
@group(0) @binding(5) var<storage, read> data: array<u32>;
@group(0) @binding(6) var<storage, read_write> memory: array<f32>;
@group(0) @binding(7) var<storage, read_write> results: array<Result>;
`;

const stageFunctions = wgsl`
fn numberAt(format: u32, at: u32, k: u32) -> f32 {
  if (format == floatsFormat) { return bitcast<f32>(data[at + k]); }
  if (format == classesFormat) { return f32(bitcast<i32>(data[at + k])); }
  let bit = f32((data[at + (k >> 5u)] >> (k & 31u)) & 1u);
  return select(bit, 2.0 * bit - 1.0, format == signsFormat);
}

/** stage.c: rows, [batch, columns]; stage.below: targets, [batch, targetWidth]. Eight invocations share an example. */
fn gather(p: Position, step: Step, stage: Stage, s: u32, worker: u32, workers: u32) {
  for (var b = worker / 8u; b < step.count; b += workers / 8u) {
    var row = p.firstRow + s * p.batch + b;
    if (p.order != none) { row = order[p.order + s * p.batch + b]; }
    let rowAt = p.rows + row * p.rowWords;
    for (var i = worker % 8u; i < stage.columns; i += 8u) {
      memory[p.memory + stage.c + b * stage.columns + i] = numberAt(p.rowFormat, rowAt, i);
    }
    let targetAt = p.targets + row * p.targetWords;
    for (var i = worker % 8u; i < p.targetWidth; i += 8u) {
      memory[p.memory + stage.below + b * p.targetWidth + i] = numberAt(p.targetFormat, targetAt, i);
    }
  }
}

/** What becomes of a product's sums, by the kind of stage. */
fn finish(p: Position, step: Step, stage: Stage, row: u32, column: u32, sum: f32) {
  let offset = stage.c + row * stage.columns + column;
  let at = p.memory + offset;
  if (stage.kind == forwardStage) {
    var z = sum;
    if (stage.bias != none) { z += memory[p.memory + stage.bias + column]; }
    if (stage.kept != none) { memory[p.memory + stage.kept + row * stage.columns + column] = z; }
    memory[at] = activate(stage.activation, stage.parameter, z);
  } else if (stage.kind == inputGradientStage) {
    let place = row * stage.columns + column;
    let y = memory[p.memory + stage.below + place];
    var z = 0.0;
    if (stage.kept != none) { z = memory[p.memory + stage.kept + place]; }
    memory[at] = sum * derivative(stage.activation, stage.parameter, z, y);
  } else {
    optimize(p, step, offset, sum);
  }
}

fn biasGradient(p: Position, step: Step, stage: Stage, worker: u32, workers: u32) {
  for (var u = worker; u < stage.columns; u += workers) {
    var at = p.memory + stage.b + u;
    var sum = 0.0;
    for (var b = 0u; b < step.count; b++) {
      sum += memory[at];
      at += stage.columns;
    }
    optimize(p, step, stage.c + u, sum);
  }
}

/** Whether an example counts: not if it is of the class that is ignored. */
fn counts(p: Position, wanted: f32) -> bool { return p.targetFormat != classesFormat || wanted != p.lossParameter; }

/** 1 / the numbers over which a loss is averaged. */
fn invNumbers(p: Position, step: Step, stage: Stage) -> f32 {
  if (p.targetFormat != classesFormat) { return step.invNumbers; }
  var counted = 0u;
  for (var b = 0u; b < step.count; b++) {
    if (counts(p, memory[p.memory + stage.below + b])) { counted++; }
  }
  return 1.0 / f32(counted);
}

/**
 * stage.a: outputs, stage.kept: what went into the last activation, stage.below: targets, stage.c: the gradient by that, or
 * none; stage.b: [batch][2], an example's loss and hits.
 */
fn loss(p: Position, step: Step, stage: Stage, worker: u32, workers: u32) {
  let share = invNumbers(p, step, stage);
  let outputs = stage.columns;
  for (var b = worker; b < step.count; b += workers) {
    let at = b * outputs;
    var sum = 0.0;
    var hits = 0.0;
    if (p.targetFormat == classesFormat) {
      let wanted = memory[p.memory + stage.below + b];
      let counted = counts(p, wanted);
      var most = memory[p.memory + stage.a + at];
      var best = 0u;
      for (var k = 1u; k < outputs; k++) {
        let z = memory[p.memory + stage.a + at + k];
        if (z > most || isNan(z)) { most = z; best = k; }
      }
      var total = 0.0;
      for (var k = 0u; k < outputs; k++) { total += expOf(memory[p.memory + stage.a + at + k] - most); }
      let chosen = u32(max(wanted, 0.0));
      sum = select(0.0, logOf(total) - (memory[p.memory + stage.a + at + min(chosen, outputs - 1u)] - most), counted);
      hits = select(0.0, 1.0, counted && best == chosen);
      if (stage.c != none) {
        for (var k = 0u; k < outputs; k++) {
          let y = memory[p.memory + stage.a + at + k];
          let slope = expOf(y - most) / total - select(0.0, 1.0, k == chosen);
          keepGradient(p, stage, at + k, select(0.0, slope * share, counted), y);
        }
      }
    } else {
      for (var k = 0u; k < outputs; k++) {
        let y = memory[p.memory + stage.a + at + k];
        let one = elementLoss(p.loss, p.lossParameter, y, memory[p.memory + stage.below + at + k]);
        sum += one.loss;
        hits += one.hit;
        if (stage.c != none) { keepGradient(p, stage, at + k, one.slope * share, y); }
      }
    }
    memory[p.memory + stage.b + 2u * b] = sum;
    memory[p.memory + stage.b + 2u * b + 1u] = hits;
  }
}

fn keepGradient(p: Position, stage: Stage, place: u32, slope: f32, y: f32) {
  var z = 0.0;
  if (stage.kept != none) { z = memory[p.memory + stage.kept + place]; }
  memory[p.memory + stage.c + place] = slope * derivative(stage.activation, stage.parameter, z, y);
}

/** Adds each stripe of the examples up into the place of its first one. */
fn tallyStripes(p: Position, step: Step, stage: Stage, worker: u32, workers: u32) {
  for (var first = worker; first < min(stripes, step.count); first += workers) {
    var loss = 0.0;
    var hits = 0.0;
    for (var b = first; b < step.count; b += stripes) {
      loss += memory[p.memory + stage.b + 2u * b];
      hits += memory[p.memory + stage.b + 2u * b + 1u];
    }
    memory[p.memory + stage.b + 2u * first] = loss;
    memory[p.memory + stage.b + 2u * first + 1u] = hits;
  }
}

fn tally(p: Position, step: Step, stage: Stage, s: u32) {
  var loss = 0.0;
  var hits = 0.0;
  for (var k = 0u; k < min(stripes, step.count); k++) {
    loss += memory[p.memory + stage.b + 2u * k];
    hits += memory[p.memory + stage.b + 2u * k + 1u];
  }
  let share = invNumbers(p, step, stage);
  results[p.firstStep + s] = Result(loss * share, hits, 1.0 / share);
}
`;

const entry = ({ invocations, lanes = 0 }: StepVariant) => wgsl`
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
      } else if (stage.kind == gatherStage) {
        gather(p, step, stage, s, id, invocations);
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
  const { lanes } = variant;
  const body = [
    activationFunctions,
    lossFunctions,
    optimizerFunctions,
    stageFunctions,
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

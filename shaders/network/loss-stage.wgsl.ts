/**
 * The stages that end the forward pass: each example's loss and gradient, and the sums over the batch. losses.wgsl.ts has the
 * losses of one output. A fragment of step.wgsl.ts.
 */
import { wgsl } from '../wgsl.js';

export const lossStage = wgsl`
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

/** The stages of a sampler's examples: drawing them, and counting those of a batch. A fragment of step.wgsl.ts. */
import { wgsl } from '../wgsl.js';
import { samplerFunctions } from './samplers.wgsl.js';

/**
 * `draw`, which replaces `gather` where a sampler makes the examples. `clears`: numbers are set to 0 first, as the sampler may
 * leave some out.
 */
export const drawing = (sampler: string, clears: boolean) => wgsl`
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

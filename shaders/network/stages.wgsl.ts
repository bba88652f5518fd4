/**
 * The stages of a step but for products, the loss and drawing: rows into the batch, what becomes of a product's sums, transposed
 * weights, the biases' gradient; and how all stages read and write the run's memory. A fragment of step.wgsl.ts.
 */
import { wgsl } from '../wgsl.js';

/** What becomes of gradients. `cuts`: batches may have several parts. */
export const gradients = (cuts: boolean) => wgsl`
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

export const stageFunctions = wgsl`
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
`;

/** Losses of one output and their slopes, by the numbers that src/network/losses.ts gives them. Functions only. */
import { wgsl } from '../wgsl.js';

export const lossFunctions = wgsl`
/** The loss of an output z with the target y, its slope (the derivative by z), and 1 if the output counts as right. */
struct ElementLoss { loss: f32, slope: f32, hit: f32 }

fn elementLoss(code: u32, parameter: f32, z: f32, y: f32) -> ElementLoss {
  let e = z - y;
  switch (code) {
    case 0u: {
      let loss = -(y * boundedLog(z) + (1.0 - y) * boundedLog1p(-z));
      return ElementLoss(loss, e / max(z * (1.0 - z), 1e-12), select(0.0, 1.0, (z >= 0.5) == (y >= 0.5)));
    }
    case 1u: {
      return ElementLoss(bceWithLogits(z, y), sigmoid(z) - y, select(0.0, 1.0, (z >= 0.0) == (y >= 0.5)));
    }
    case 3u: { return ElementLoss(abs(e), signOf(e), 0.0); }
    case 4u: {
      let inside = abs(e) < parameter;
      let loss = select(parameter * (abs(e) - 0.5 * parameter), 0.5 * e * e, inside);
      return ElementLoss(loss, select(parameter * signOf(e), e, inside || isNan(e)), 0.0);
    }
    case 5u: {
      let side = select(-1.0, 1.0, y > 0.0);
      let short = 1.0 - side * z;
      return ElementLoss(select(short, 0.0, short < 0.0), select(0.0, -side, short > 0.0), select(0.0, 1.0, (z >= 0.0) == (y > 0.0)));
    }
    default: { return ElementLoss(e * e, 2.0 * e, 0.0); }
  }
}
`;

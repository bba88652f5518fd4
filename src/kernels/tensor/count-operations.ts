/** Counts the operations on floats in a WGSL expression, as src/gpu/cost.ts says. */

/** Conversions, selections and tests of bits: they compute nothing. */
const FREE = /^(?:select|isNan|bitcast|f32|i32|u32|bool|vec[234]\w*)$/;

/**
 * Operators and calls of a WGSL expression: `sigmoid(a) * (1.0 - a)` has 3. A function counts as one whatever it
 * takes, the sign of a literal and logical operators as none.
 */
export function operationsIn(expression: string): number {
  const calls = [...expression.matchAll(/([A-Za-z_]\w*)\s*\(/g)].filter(([, name]) => !FREE.test(name));
  const withoutTypes = expression.replace(/<\s*\w+\s*>/g, '').replace(/&&|\|\|/g, ',');
  const withoutSigns = withoutTypes.replace(/(^|[(,*/+<>=-]\s*)-(?=[\d.])/g, '$1');
  const operators = withoutSigns.match(/[<>=!]=|[-+*/<>]/g) ?? [];
  return calls.length + operators.length;
}

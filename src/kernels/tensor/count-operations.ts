/** Counts the floating-point operations in a WGSL expression, as src/gpu/cost.ts says. */

/** Conversions, selections and bit tests compute nothing. */
const FREE = /^(?:select|isNan|bitcast|f32|i32|u32|bool|vec[234]\w*)$/;

/**
 * The number of operators and calls in a WGSL expression: `sigmoid(a) * (1.0 - a)` has 3. Every function counts as
 * one; logical operators and the sign of a literal count as none.
 */
export function operationsIn(expression: string): number {
  const calls = [...expression.matchAll(/([A-Za-z_]\w*)\s*\(/g)].filter(([, name]) => !FREE.test(name));
  const withoutTypes = expression.replace(/<\s*\w+\s*>/g, '').replace(/&&|\|\|/g, ',');
  const withoutSigns = withoutTypes.replace(/(^|[(,*/+<>=-]\s*)-(?=[\d.])/g, '$1');
  const operators = withoutSigns.match(/[<>=!]=|[-+*/<>]/g) ?? [];
  return calls.length + operators.length;
}

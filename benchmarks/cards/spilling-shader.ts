/** A kernel that needs more registers than any card has: the check has to be red with it. No kernel of the library. */

/** Numbers that live at once; a lane of an AMD card has 256 registers. */
const ALIVE = 600;

/** Each number is loaded before the first is used, and used in an order that no compiler can turn around. */
export function spillingShader(): string {
  const numbers = Array.from({ length: ALIVE }, (_, k) => k);
  return `
@group(0) @binding(0) var<storage, read_write> numbers: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) id: u32) {
  ${numbers.map((k) => `var x${k} = numbers[${64 * k}u + id];`).join('\n  ')}
  for (var turn = 0u; turn < u32(numbers[0]); turn++) {
    ${numbers.map((k) => `x${k} = sin(x${(k + 1) % ALIVE} * x${k});`).join('\n    ')}
  }
  ${numbers.map((k) => `numbers[${64 * k}u + id] = x${k};`).join('\n  ')}
}
`;
}

/**
 * One result element from the elements of its operands at the same place: every unary, binary and ternary operation,
 * their gradients, casts and strided copies. What is computed comes as an expression; how operands are walked, as the
 * rank after merging axes. Expressions may call the functions of floats.wgsl.ts.
 *
 * Params (32-bit words): n, then each scalar, then the extents, then for each operand its offset and strides, the
 * output last. Elements: rank 0 is a single one, rank 1 needs no division.
 */
import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import { flagAt } from '../shared/flag.wgsl.js';
import { floatFunctionsIn } from '../shared/floats.wgsl.js';

export interface ElementwiseShaderOptions {
  /** Tensors the expression reads, by the name it uses for them, with their WGSL types. */
  inputs: readonly { name: string; type: string }[];
  /** Numbers the expression reads, from the params. */
  scalars: readonly { name: string; type: string }[];
  /** WGSL type of the output. */
  output: string;
  /** Axes after merging. */
  rank: number;
  /** True where the output is dense, in the order of its elements. */
  dense: boolean;
  /** A WGSL expression of the output's type. */
  expression: string;
  /** What elements are refused: a WGSL condition, and the bits that tell of one. The last scalar is `ticket`. */
  check?: { refuses: string; bits: string };
}

export const ELEMENTWISE_WORKGROUP = 256;

export function elementwiseShader(options: ElementwiseShaderOptions): string {
  const { inputs, scalars, output, rank, dense, expression, check } = options;
  const shapeAt = 1 + scalars.length;
  const operandAt = (operand: number) => shapeAt + rank + operand * (1 + rank);
  const words = operandAt(inputs.length + 1);
  const word = (at: number) => `params[${at >> 2}][${at & 3}]`;
  const index = (operand: number) => {
    const terms = Array.from(
      { length: rank },
      (_, axis) => `c${axis} * ${word(operandAt(operand) + 1 + axis)}`,
    );
    return [word(operandAt(operand)), ...terms].join(' + ');
  };
  const coordinates: string[] = [];
  for (let axis = rank - 1; axis > 0; axis--) {
    const rest = axis === rank - 1 ? 'i' : `r${axis + 1}`;
    coordinates.push(`let r${axis} = ${rest} / ${word(shapeAt + axis)};`);
    coordinates.push(`let c${axis} = ${rest} - r${axis} * ${word(shapeAt + axis)};`);
  }
  if (rank > 0) coordinates.push(`let c0 = ${rank > 1 ? 'r1' : 'i'};`);
  const target = dense ? `${word(operandAt(inputs.length))} + i` : index(inputs.length);
  return wgsl`
@group(0) @binding(0) var<uniform> params: array<vec4u, ${Math.ceil(words / 4)}>;
${inputs.map(({ type }, i) => `@group(0) @binding(${i + 1}) var<storage, read> in${i}: array<${type}>;`).join('\n')}
@group(0) @binding(${inputs.length + 1}) var<storage, read_write> result: array<${output}>;
${check ? flagAt(inputs.length + 2) : ''}
${floatFunctionsIn(`${expression} ${check?.refuses ?? ''}`)}
@compute @workgroup_size(${ELEMENTWISE_WORKGROUP})
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let n = params[0][0];
  ${scalars.map(({ name, type }, i) => `let ${name} = bitcast<${type}>(${word(1 + i)});`).join('\n  ')}
  for (var i = id.x; i < n; i += groups.x * ${ELEMENTWISE_WORKGROUP}u) {
    ${coordinates.join('\n    ')}
    ${inputs.map(({ name }, i) => `let ${name} = in${i}[${index(i)}];`).join('\n    ')}
    result[${target}] = ${expression};
    ${check ? `if (${check.refuses}) { raise(ticket, ${check.bits}); }` : ''}
  }
}
`;
}

/**
 * Computes each element of the result from the operands' elements at the same place: every unary, binary and ternary
 * operation, their gradients, casts and strided copies. An expression says what is computed, and may call the
 * functions of shared/floats.wgsl.ts; the number of axes left after merging says how operands are walked.
 */
import { flagAt } from '../shared/flag.wgsl.js';
import { floatFunctionsIn } from '../shared/floats.wgsl.js';
import { wgsl } from '../wgsl.js';

export interface ElementwiseShaderOptions {
  /** The tensors that the expression reads: their names in it and their WGSL types. */
  inputs: readonly { name: string; type: string }[];
  /** The numbers that the expression reads, from the params. */
  scalars: readonly { name: string; type: string }[];
  /** WGSL type of the output. */
  output: string;
  /** Axes left after merging. */
  rank: number;
  /** True if the output is dense, with its elements in row-major order. */
  dense: boolean;
  /** A WGSL expression of the output's type. */
  expression: string;
  /**
   * Which elements are refused: a WGSL condition, and the bits that describe a refused one. The last scalar is
   * `ticket`.
   */
  check?: { refuses: string; bits: string };
}

export const ELEMENTWISE_WORKGROUP = 256;

export function elementwiseShader(options: ElementwiseShaderOptions): string {
  const { inputs, scalars, output, rank, dense, expression, check } = options;
  const sources = inputs.map(({ name, type }, k) => ({ name, type, k, binding: k + 1 }));
  /** The operand that is written. */
  const last = inputs.length;
  const { refuses, bits } = check ?? { refuses: '', bits: '' };
  return wgsl`
alias Output = ${output};
const invocations = ${ELEMENTWISE_WORKGROUP}u;

struct Params {
  n: u32,
  #for s in ${scalars}
  $s.name: $s.type,
  #endfor
  #for axis in ${rank}
  extent$axis: u32,
  #endfor
  #for k in ${last + 1}
  offset$k: u32,
  #for axis in ${rank}
  stride$k_$axis: u32,
  #endfor
  #endfor
}

@group(0) @binding(0) var<uniform> params: Params;
#for input in ${sources}
@group(0) @binding($input.binding) var<storage, read> in$input.k: array<$input.type>;
#endfor
@group(0) @binding(${last + 1}) var<storage, read_write> result: array<Output>;
#if ${check !== undefined}

${flagAt(last + 2)}
#endif

${floatFunctionsIn(`${expression} ${refuses}`)}

@compute @workgroup_size(invocations)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let n = params.n;
  #for s in ${scalars}
  let $s.name = params.$s.name;
  #endfor
  for (var i = id.x; i < n; i += groups.x * invocations) {
    #if ${rank > 0}
    let rest${rank} = i;
    #for axis in ${fromLast(rank)}
    let rest$axis.at = rest$axis.next / params.extent$axis.at;
    let c$axis.at = rest$axis.next - rest$axis.at * params.extent$axis.at;
    #endfor
    let c0 = rest1;
    #endif
    #for input in ${sources}
    let $input.name = in$input.k[
      params.offset$input.k
      #for axis in ${rank}
      + c$axis * params.stride$input.k_$axis
      #endfor
    ];
    #endfor
    result[
      params.offset${last}
      #if ${dense}
      + i
      #else
      #for axis in ${rank}
      + c$axis * params.stride${last}_$axis
      #endfor
      #endif
    ] = ${expression};
    #if ${check !== undefined}
    if (${refuses}) {
      raise(ticket, ${bits});
    }
    #endif
  }
}
`;
}

/** The axes from the last to the second, each with the one behind it. */
const fromLast = (rank: number) =>
  Array.from({ length: Math.max(0, rank - 1) }, (_, k) => ({ at: rank - 1 - k, next: rank - k }));

/**
 * The loops in a card's machine code, as RADV prints it (`RADV_DEBUG=asm`): how many instructions a turn takes, and how many of
 * them multiply and add. Pure text; AMD's instruction names.
 */

/** A loop that has no loop inside. */
export interface Loop {
  instructions: number;
  multiplyAdds: number;
  /** Instructions that multiply matrices of 16 x 16. */
  matrixProducts: number;
}

interface Block {
  name: string;
  instructions: string[];
}

/** `BB7:` opens a block; an instruction stands behind a tab and before its bytes. */
function blocksOf(assembly: string): Block[] {
  const blocks: Block[] = [];
  for (const line of assembly.split('\n')) {
    const name = /^(BB\d+):/.exec(line)?.[1];
    if (name !== undefined) blocks.push({ name, instructions: [] });
    else if (line.startsWith('\t') && line.includes(';'))
      blocks.at(-1)?.instructions.push(line.split(';')[0].trim());
  }
  return blocks;
}

/** One instruction may be two (`v_dual_fmac_f32 … :: v_dual_fmac_f32 …`) or work on two numbers (`v_pk_fma_f32`). */
const multiplyAddsIn = (instruction: string): number =>
  [...instruction.matchAll(/\bv_(?:dual_)?(pk_)?(?:fma|fmac|mac|mad)\w*_f32/g)].reduce(
    (sum, [, pair]) => sum + (pair === undefined ? 1 : 2),
    0,
  );

/** The innermost loops, in the order of the code: stretches from a block to a branch back to it. */
export function innerLoops(assembly: string): Loop[] {
  const blocks = blocksOf(assembly);
  const places = new Map(blocks.map(({ name }, k) => [name, k]));
  const stretches = blocks.flatMap(({ instructions }, end) =>
    instructions.flatMap((one) => {
      const begin = places.get(/^s_c?branch\w*\s+(BB\d+)/.exec(one)?.[1] ?? '');
      return begin !== undefined && begin <= end ? [{ begin, end }] : [];
    }),
  );
  return stretches
    .filter((one) => !stretches.some((two) => two !== one && two.begin >= one.begin && two.end <= one.end))
    .map(({ begin, end }) => {
      const all = blocks.slice(begin, end + 1).flatMap(({ instructions }) => instructions);
      return {
        instructions: all.length,
        multiplyAdds: all.reduce((sum, one) => sum + multiplyAddsIn(one), 0),
        matrixProducts: all.filter((one) => one.startsWith('v_wmma')).length,
      };
    });
}

/**
 * What a driver says of the pipelines that it compiles: RADV prints a block of statistics of each to standard error
 * (`RADV_DEBUG=shaderstats`), and child.ts a line behind it that names it. Reads both. Pure text.
 */

/** Names a pipeline: the piece of work that asked for it, its label, its entry point. */
export interface PipelineName {
  piece: string;
  label: string;
  entryPoint: string;
}

/** What the compiler made of one pipeline. */
export interface Compiled extends PipelineName {
  /** Vector registers of a lane. */
  vgprs: number;
  /** Vector registers that did not fit and are kept in memory. Scalar ones that did not fit are kept in vector registers. */
  spilled: number;
  spilledScalars: number;
  /** Bytes of memory a lane for what did not fit. */
  scratch: number;
  /** Bytes of workgroup memory. */
  shared: number;
  /** Subgroups that a SIMD unit can hold at once. */
  occupancy: number;
  instructions: number;
  /** Clocks of one subgroup from start to end, and clocks that each one keeps a SIMD unit busy, as the compiler estimates. */
  latency: number;
  throughput: number;
}

const MARK = '#### pipeline ';

/** The line behind a pipeline's statistics. */
export const markOf = (name: PipelineName): string => `\n${MARK}${JSON.stringify(name)}\n`;

/** What the driver printed in front of each name. */
export function printedBy(stderr: string): (PipelineName & { text: string })[] {
  const [first, ...rest] = stderr.split(MARK);
  let text = first;
  return rest.map((block) => {
    const end = block.indexOf('\n');
    const printed = { ...(JSON.parse(block.slice(0, end)) as PipelineName), text };
    text = block.slice(end + 1);
    return printed;
  });
}

/** @throws Error where the driver printed no statistics of a pipeline, or those of two. */
export function statisticsOf(stderr: string): Compiled[] {
  return printedBy(stderr).map(({ text, ...name }) => {
    const number = (field: string): number => {
      const found = [...text.matchAll(new RegExp(`^${field}: (\\d+)$`, 'gm'))];
      if (found.length === 1) return Number(found[0][1]);
      throw new Error(
        `${name.label}: the driver printed "${field}" ${found.length} times:\n${text.slice(0, 600)}`,
      );
    };
    return {
      ...name,
      vgprs: number('VGPRs'),
      spilled: number('Spilled VGPRs'),
      spilledScalars: number('Spilled SGPRs'),
      scratch: number('Scratch size'),
      shared: number('LDS size'),
      occupancy: number('Subgroups per SIMD'),
      instructions: number('Instructions'),
      latency: number('Latency'),
      throughput: number('Inverse Throughput'),
    };
  });
}

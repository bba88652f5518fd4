// Every pipeline that a GPU is given, compiled for five cards that are not there (benchmarks/cards/): no register spills, no
// scratch memory, enough subgroups at once; and the library trains, reads and refuses on a card that computes nothing.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { CARDS, type Card, noCards, type OnCard, onCard } from '../../benchmarks/cards/card.js';
import { faultsOf } from '../../benchmarks/cards/faults.js';
import { keptTable } from '../../benchmarks/cards/kept.js';
import { innerLoops } from '../../benchmarks/cards/loops.js';
import { markOf, statisticsOf } from '../../benchmarks/cards/statistics.js';

const why = noCards();

describe.skipIf(why !== undefined)(
  `kernels on faked cards${why === undefined ? '' : ` (skipped: ${why})`}`,
  () => {
    const results = new Map<Card, OnCard>();

    it.each(Object.keys(CARDS) as Card[])(
      '%s: nothing spills, and training, reads and errors work',
      async (card) => {
        const result = await onCard(card, ['--steps', card === 'navi31' ? '500' : '5']);
        results.set(card, result);
        expect(faultsOf(result)).toEqual([]);
        expect(Object.values(result.found).flat().join('; ')).toMatch(
          /tiles-persistent, 64 features, 100 runs at once/,
        );
        // Two of them have matrix units.
        expect(result.found.f16).toEqual([
          card === 'navi31' || card === 'gfx1150'
            ? 'tiles-f16, 64 features, 100 runs at once'
            : 'tiles-f16: no matrix units',
        ]);
      },
    );

    it('compiles every kernel of src/kernels/ but those that GPUs are not given', () => {
      const compiled = [...results.values()].map(
        ({ pipelines }) => new Set(pipelines.map(({ label }) => label)),
      );
      const launchers = fileURLToPath(new URL('../../src/kernels', import.meta.url));
      const text = ['tensor', 'train', 'network']
        .flatMap((room) => readdirSync(join(launchers, room)).map((file) => join(launchers, room, file)))
        .filter((file) => !/[/\\](subgroup|custom)\.ts$/.test(file))
        .map((file) => readFileSync(file, 'utf8'))
        .join('\n');
      // As they are written: `tiles-${entryPoint}` stands for all that begin so.
      const written = [
        ...text.matchAll(/label: (?:variant\.lanes \? 'network-lanes' : )?['`]([\w -]+)/g),
      ].map(([, label]) => label);
      expect(written.length).toBeGreaterThan(15);
      const known = written.filter((label) => label !== 'subgroup-score');
      for (const labels of compiled)
        expect(known.filter((label) => ![...labels].some((one) => one.startsWith(label)))).toEqual([]);
    });

    it('is red where a kernel spills', async () => {
      const result = await onCard('navi31', ['--only', 'errors', '--spill']);
      expect(faultsOf(result).join('\n')).toMatch(
        /^spilling .* spills \d+ registers\nspilling .* bytes of scratch memory/,
      );
    });
  },
);

const STATISTICS = `
SGPRs: 128
VGPRs: 48
Spilled SGPRs: 2
Spilled VGPRs: 3
LDS size: 9216
Scratch size: 16
Subgroups per SIMD: 30
Instructions: 1671
Latency: 567672
Inverse Throughput: 87828
`;
const NAME = { piece: 'batched', label: 'tiles-forward', entryPoint: 'forward' };

describe('statistics of a compiler', () => {
  it('are those in front of the name', () => {
    const other = { ...NAME, label: 'tiles-loss' };
    const text = `noise\n${STATISTICS}${markOf(NAME)}${STATISTICS.replace('48', '32')}${markOf(other)}more noise`;
    expect(statisticsOf(text)).toEqual([
      {
        ...NAME,
        ...{ vgprs: 48, spilled: 3, spilledScalars: 2, scratch: 16, shared: 9216, occupancy: 30 },
        ...{ instructions: 1671, latency: 567672, throughput: 87828 },
      },
      expect.objectContaining({ label: 'tiles-loss', vgprs: 32 }),
    ]);
  });

  it.each([
    ['none', ''],
    ['two', STATISTICS + STATISTICS],
  ])('%s of a pipeline is an error', (_, text) => {
    expect(() => statisticsOf(text + markOf(NAME))).toThrow(
      /tiles-forward: the driver printed "VGPRs" \d times/,
    );
  });
});

it('innermost loops of machine code, and their multiply-adds', () => {
  const code = (...lines: string[]) =>
    lines.map((line) => (line.startsWith('BB') ? line : `\t${line} ; be80017e`));
  const assembly = code(
    'BB0:',
    's_mov_b64 s[0:1], exec',
    'BB1:', // a loop around another
    'v_fma_f32 v1, v2, v3, v4',
    'BB2:',
    'v_fmac_f32_e32 v1, v2, v3',
    'v_dual_fmac_f32 v1, v2, v3 :: v_dual_fmac_f32 v4, v5, v6',
    'v_pk_fma_f32 v[0:1], v[2:3], v[4:5], v[6:7]',
    'v_mad_u32_u24 v1, v2, v3, v4',
    'v_wmma_f32_16x16x16_f16 v[24:31], v[54:61], v[46:53], v[40:47]',
    's_cbranch_scc1 BB4',
    'BB3:',
    's_branch BB2',
    'BB4:',
    's_cbranch_scc0 BB1',
    's_cbranch_scc0 BB5', // forward: no loop
    'BB5:',
    's_endpgm',
  );
  expect(innerLoops(assembly.join('\n'))).toEqual([{ instructions: 7, multiplyAdds: 5, matrixProducts: 1 }]);
});

it('a table that RESULTS.md keeps, the newest first', () => {
  const markdown = `
### Other
| a | b |
| --- | --- |
| x | 0 |

### Mine
A note.

| kernel | loop | share |
| --- | --- | --- |
| train | 1 | 65% |
| train | 2 | 45% |

### Mine
| kernel | loop | share |
| --- | --- | --- |
| train | 1 | 60% |
`;
  expect(keptTable(markdown, 'Mine', 2).get('train 2')?.get('share')).toBe('45%');
  expect(keptTable(markdown, 'Mine', 2).get('train 1')?.get('share')).toBe('65%');
  expect(keptTable(markdown, 'Nothing').size).toBe(0);
});

// Test settings. Each test file gets a process of its own: Dawn dislikes being loaded twice in one process. Two files run
// at a time: the CPU driver uses every core, but half of the suite's time is the host's, on one.
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/**
 * Files that take long on a clean checkout, where Vitest knows no durations and begins with those of the longest text: begun last,
 * one would end alone.
 */
const LONG = [
  'kernels/train/oracle',
  'cli/packed',
  'lockstep/torch-evaluation',
  'lockstep/same-bits',
  'lockstep/torch-traces',
  'lockstep/tile-texts',
  'lockstep/network/cuts',
  'nn/parity-trace',
  'examples',
  'benchmarks/cards',
].map((name) => `/test/${name}.test.ts`);

class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification) => LONG.some((name) => moduleId.endsWith(name));
    const sorted = await super.sort(files);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

export default defineConfig({
  resolve: {
    alias: [
      { find: /^lockstep-gpu\/bench$/, replacement: at('./src/bench/index.ts') },
      { find: /^lockstep-gpu\/shards$/, replacement: at('./src/bench/shards/index.ts') },
      { find: /^lockstep-gpu$/, replacement: at('./src/index.ts') },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    // Limits for what hangs. A CPU driver on a machine in use compiles some kernels for more than two minutes.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    sequence: { sequencer: LongFirst },
  },
});

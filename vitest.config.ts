// Test settings. Each test file gets a process of its own: Dawn dislikes being loaded twice in one process. Two files run
// at a time: the CPU driver uses every core, but half of the suite's time is the host's, on one.
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

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
  },
});

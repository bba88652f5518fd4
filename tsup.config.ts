// Builds the published package: the library, the bench layer, the command line and the workers. The WGSL is
// TypeScript (shaders/*.wgsl.ts), so bundling packs it in without a loader.
import { defineConfig } from 'tsup';

export default defineConfig({
  entry: {
    index: 'src/index.ts',
    'bench/index': 'src/bench/index.ts',
    'bench/strategy-worker': 'src/bench/strategy-worker.ts',
    'lockstep/batch-worker': 'src/lockstep/batch-worker.ts',
    'cli/main': 'src/cli/main.ts',
  },
  format: 'esm',
  target: 'node20',
  platform: 'neutral',
  external: ['webgpu', 'vega', 'vega-lite', /^node:/],
  dts: {
    entry: { index: 'src/index.ts', 'bench/index': 'src/bench/index.ts' },
    // What the types stand on, for projects that do not name it themselves.
    banner: '/// <reference types="@webgpu/types" />\n/// <reference lib="esnext.disposable" />',
  },
  splitting: true,
  sourcemap: true,
  clean: true,
  silent: true,
});

// Builds the published package. The library is one file a module, as in the sources: bundlers then leave out every module
// that a program does not use, which they cannot do with parts of one large file. The command line is bundled with the
// packages that only it uses, so that who installs the library installs none of them. Types: scripts/build-types.mjs.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import type { Plugin } from 'esbuild';
import { defineConfig, type Options } from 'tsup';

const CLI = 'src/cli';

/** Modules outside of the command line's folder stay where they are: program and library share them. */
const libraryIsExternal: Plugin = {
  name: 'library-is-external',
  setup(build) {
    build.onResolve({ filter: /^\.\.?\// }, ({ path, resolveDir }) => {
      const from = relative(process.cwd(), resolveDir);
      const inside = !relative(CLI, resolve(from, path)).startsWith('..');
      return from === CLI && !inside ? { path, external: true } : undefined;
    });
  },
};

/** Writes the licences of what is bundled beside it. */
const licences: Plugin = {
  name: 'licences',
  setup(build) {
    build.onEnd(({ metafile }) => {
      const inputs = Object.keys(metafile?.inputs ?? {});
      const folders = inputs.flatMap((path) => /.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []);
      const texts = [...new Set(folders)].sort().map((folder) => {
        const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
        return `${name} ${version}, ${license}\n\n${licenceText(folder)}`;
      });
      const outFolder = join(build.initialOptions.outdir ?? 'dist', CLI);
      mkdirSync(outFolder, { recursive: true });
      writeFileSync(join(outFolder, 'LICENCES.txt'), texts.join(`\n${'-'.repeat(80)}\n\n`));
    });
  },
};

function licenceText(folder: string): string {
  for (const name of ['LICENSE', 'license', 'LICENSE.md', 'LICENSE.txt', 'LICENSE-MIT.txt']) {
    try {
      return readFileSync(join(folder, name), 'utf8');
    } catch {} // the next name
  }
  throw new Error(`${folder} has no licence file: its text has to go along with its code`);
}

const common: Options = {
  format: 'esm',
  target: 'node20',
  platform: 'neutral',
  outDir: 'dist',
  sourcemap: true,
  silent: true,
};

export default defineConfig([
  {
    ...common,
    entry: ['shaders/**/*.ts', 'src/**/*.ts', `!${CLI}/**`, '!**/*.d.ts'],
    bundle: false,
    esbuildOptions(options) {
      options.outbase = '.';
    },
  },
  {
    ...common,
    entry: { [`${CLI}/main`]: `${CLI}/main.ts` },
    platform: 'node',
    splitting: true,
    noExternal: ['cli-table3', 'commander', 'log-update', 'picocolors'],
    esbuildPlugins: [libraryIsExternal, licences],
    esbuildOptions(options) {
      options.chunkNames = `${CLI}/[name]-[hash]`;
      options.metafile = true;
    },
    // Some of the bundled packages are CommonJS.
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
  },
]);

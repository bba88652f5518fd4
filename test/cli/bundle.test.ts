// What a bundler takes of the built library for a program: the modules that it uses, and no more of the package than them.
// And what an install brings along: no package that only the command line needs.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build, type Metafile } from 'esbuild';
import { rollup } from 'rollup';
import { describe, expect, it } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };

const at = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const LIBRARY = at('dist/src/index.js');
const BENCH = at('dist/src/bench/index.js');

if (!existsSync(LIBRARY)) throw new Error('dist/ is missing: run `npm run build:js` first');

/** Measured: 182 KiB, minified: tensors and their kernels, and the layers and optimizers that `nn` and `optim` could give. */
const XOR_KIB = 192;

/** Parts that a program which trains one network with tensors has no use for. */
const NOT_IN_XOR = [
  /src\/(lockstep|bench|report|profiler|cli)\//,
  /gradcheck/,
  /ceilings/,
  /(shaders|kernels)\/train\//,
  /define-op|custom\.js/,
];

/** Of that, the device without the profiler that observes it. Measured: 24.4 KiB; with it, it was 32. */
const DEVICE_KIB = 26;

/** The modules of a bundle with the bytes that each has there. */
const used = ({ outputs }: Metafile) =>
  new Map(
    Object.values(outputs).flatMap(({ inputs }) =>
      Object.entries(inputs).flatMap(([path, { bytesInOutput }]): [string, number][] =>
        bytesInOutput > 0 ? [[path, bytesInOutput]] : [],
      ),
    ),
  );

async function bundled(contents: string) {
  const { outputFiles, metafile } = await build({
    stdin: { contents, resolveDir: at('examples'), loader: 'ts' },
    alias: { 'lockstep-gpu/bench': BENCH, 'lockstep-gpu': LIBRARY },
    absWorkingDir: at('.'),
    bundle: true,
    write: false,
    metafile: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
  });
  const sizes = used(metafile);
  const kibOf = (part: RegExp) =>
    [...sizes].reduce((sum, [path, bytes]) => sum + (part.test(path) ? bytes / 1024 : 0), 0);
  return { kib: outputFiles[0].contents.length / 1024, kibOf, modules: [...sizes.keys()] };
}

const example = (name: string) => readFileSync(at(`examples/${name}.ts`), 'utf8');

describe('a bundle', () => {
  it('of the XOR example has what it uses, and is small', async () => {
    const { kib, kibOf, modules } = await bundled(example('xor'));
    expect(modules).toContain('dist/src/autograd/backward.js');
    for (const part of NOT_IN_XOR) expect(modules.filter((path) => part.test(path))).toEqual([]);
    expect(kib).toBeLessThan(XOR_KIB);
    expect(kibOf(/src\/(gpu|adapter)\//)).toBeGreaterThan(10);
    expect(kibOf(/src\/(gpu|adapter)\//)).toBeLessThan(DEVICE_KIB);
  });

  it('has the other parts where they are used', async () => {
    const { modules: ensemble } = await bundled(example('ensemble'));
    const { modules: customOp } = await bundled(example('custom-op'));
    expect(ensemble).toContain('dist/src/lockstep/trainer.js');
    expect(ensemble.filter((path) => /gradcheck|ceilings/.test(path))).toEqual([]);
    expect(customOp).toContain('dist/src/autograd/gradcheck.js');
    expect(customOp.filter((path) => /src\/lockstep/.test(path))).toEqual([]);
  });

  it('by Rollup leaves out the same parts', async () => {
    const { code } = await build({
      stdin: { contents: example('xor'), loader: 'ts' },
      write: false,
      format: 'esm',
    }).then(({ outputFiles }) => ({ code: outputFiles[0].text }));
    const bundle = await rollup({
      input: 'xor',
      external: (id) => id.startsWith('wgsl-preprocessor') || id === 'fastest-levenshtein',
      treeshake: { moduleSideEffects: false }, // what `"sideEffects": false` in package.json says
      plugins: [
        {
          name: 'example',
          resolveId: (id) => (id === 'lockstep-gpu' ? LIBRARY : id === 'xor' ? id : null),
          load: (id) => (id === 'xor' ? code : null),
        },
      ],
    });
    const { output } = await bundle.generate({ format: 'es' });
    const modules = Object.entries(output[0].modules)
      .filter(([, { renderedLength }]) => renderedLength > 0)
      .map(([path]) => path.replaceAll('\\', '/'));
    expect(modules).toContain(at('dist/src/autograd/backward.js').replaceAll('\\', '/'));
    for (const part of NOT_IN_XOR) expect(modules.filter((path) => part.test(path))).toEqual([]);
  });

  it('of one value has no more than that value stands on', async () => {
    const { kib } = await bundled(
      `import { LockstepError } from 'lockstep-gpu'; console.log(LockstepError);`,
    );
    expect(kib).toBeLessThan(0.5);
  });
});

/** The packages that the modules behind an entry import by name, without Node's own. */
async function packagesOf(entry: string): Promise<string[]> {
  const { metafile } = await build({
    entryPoints: [entry],
    absWorkingDir: at('.'),
    bundle: true,
    write: false,
    metafile: true,
    treeShaking: false,
    packages: 'external',
    format: 'esm',
    platform: 'node',
  });
  const imports = Object.values(metafile.outputs).flatMap((output) => output.imports);
  const names = imports.map(({ path }) => /^(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? path);
  return [...new Set(names)].filter((name) => !name.startsWith('node:')).sort();
}

describe('an install', () => {
  it('the library needs two small packages, and nothing of Node', async () => {
    expect(await packagesOf(LIBRARY)).toEqual(['fastest-levenshtein', 'wgsl-preprocessor']);
  });

  it('brings along what library and bench layer need, and nothing else', async () => {
    const needed = new Set([...(await packagesOf(LIBRARY)), ...(await packagesOf(BENCH))]);
    for (const optional of ['vega', 'vega-lite']) needed.delete(optional); // asked for when curves are drawn
    needed.add('jiti'); // loads strategies, in a worker
    expect(Object.keys(manifest.dependencies).sort()).toEqual([...needed].sort());
  });

  it('the command line has its packages inside, with their licences', async () => {
    expect(await packagesOf(at('dist/src/cli/main.js'))).toEqual(
      expect.arrayContaining(['fastest-levenshtein', 'wgsl-preprocessor']),
    );
    const bundledIn = ['cli-table3', 'commander', 'log-update', 'picocolors'];
    const imported = await packagesOf(at('dist/src/cli/main.js'));
    expect(imported.filter((name) => bundledIn.includes(name))).toEqual([]);
    const licences = readFileSync(at('dist/src/cli/LICENCES.txt'), 'utf8');
    for (const name of bundledIn) expect(licences).toMatch(new RegExp(`^${name} \\d.*, (MIT|ISC)$`, 'm'));
  });
});

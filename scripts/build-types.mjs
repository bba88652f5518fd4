/**
 * Writes the published declarations: a file a module, as TypeScript makes them, with members marked `@internal` left out,
 * for the modules that the entries' declarations lead to. What they need of WebGPU's types they import from one file
 * (src/platform/webgpu-types.d.ts), which explains why they do not take them from the globals.
 */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = fileURLToPath(new URL('..', import.meta.url));
const ENTRIES = ['src/index', 'src/bench/index', 'src/bench/shards/index'];
const SHIM = 'src/platform/webgpu-types';

/** @param {readonly ts.Diagnostic[]} diagnostics */
function stopAt(diagnostics) {
  if (diagnostics.length === 0) return;
  const host = {
    getCanonicalFileName: (/** @type {string} */ name) => name,
    getCurrentDirectory: () => root,
    getNewLine: () => '\n',
  };
  console.error(ts.formatDiagnostics(diagnostics, host));
  process.exit(1);
}

const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile);
Object.assign(config.compilerOptions, {
  noEmit: false,
  declaration: true,
  emitDeclarationOnly: true,
  stripInternal: true,
  rootDir: '.',
  outDir: 'dist',
  paths: {},
});
config.include = [];
config.files = [...ENTRIES.map((entry) => `${entry}.ts`), 'shaders/wgsl-preprocessor.d.ts'];
const { options, fileNames, errors } = ts.parseJsonConfigFileContent(config, ts.sys, root);
stopAt(errors);

/** @type {Map<string, string>} the declarations by their module, as `src/gpu/device` */
const made = new Map();
const program = ts.createProgram(fileNames, options);
const { diagnostics } = program.emit(undefined, (file, text) => {
  const path = file.slice(file.lastIndexOf('/dist/') + '/dist/'.length);
  made.set(path.replace(/\.d\.ts$/, ''), text);
});
stopAt([...ts.getPreEmitDiagnostics(program), ...diagnostics]);

const shimNames = [...readFileSync(join(root, `${SHIM}.d.ts`), 'utf8').matchAll(/^export type (\w+)/gm)].map(
  ([, name]) => name,
);

/**
 * What a declaration file needs in front.
 * @param {string} module
 * @param {string} text
 */
function preface(module, text) {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '');
  const names = shimNames.filter((name) => new RegExp(`\\b${name}\\b`).test(code));
  const unknown = [...code.matchAll(/\bGPU[A-Z]\w*/g)].find(([name]) => !shimNames.includes(name));
  if (unknown) throw new Error(`${module} speaks of ${unknown[0]}, which ${SHIM}.d.ts has not`);
  const from = posix.relative(posix.dirname(module), SHIM).replace(/^(?!\.)/, './');
  return [
    code.includes('Symbol.dispose') ? '/// <reference lib="esnext.disposable" />\n' : '',
    names.length > 0 ? `import type { ${names.join(', ')} } from '${from}.js';\n` : '',
  ].join('');
}

/** @type {Set<string>} */
const written = new Set();
/** @param {string} module */
function write(module) {
  const text = made.get(module);
  if (text === undefined || written.has(module)) return;
  written.add(module);
  const path = join(root, 'dist', `${module}.d.ts`);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, preface(module, text) + text);
  for (const [, specifier] of text.matchAll(/(?:from|import\() ?'(\.[^']+)\.js'/g)) {
    write(posix.join(posix.dirname(module), specifier));
  }
}
for (const entry of ENTRIES) write(entry);
copyFileSync(join(root, `${SHIM}.d.ts`), join(root, 'dist', `${SHIM}.d.ts`));

// What an @internal mark took away must not be missed by what is left.
const alone = { ...options, lib: ['lib.es2022.d.ts'], types: [], skipLibCheck: false };
Object.assign(alone, { noEmit: true, emitDeclarationOnly: false, declaration: false });
const declarations = [...written].map((module) => join(root, 'dist', `${module}.d.ts`));
stopAt(ts.getPreEmitDiagnostics(ts.createProgram(declarations, alone)));

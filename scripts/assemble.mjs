// Assembles the WebAssembly text (*.wat) under src/ into modules of TypeScript beside it (*.wasm.ts), which hold its
// bytes. They are checked in, so that nothing but this script needs the assembler; test/random/wasm.test.ts fails
// where one is not current.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';
import loadWabt from 'wabt';

const source = fileURLToPath(new URL('../src', import.meta.url));

/** The paths of all WebAssembly text. */
export const watFiles = () =>
  readdirSync(source, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.wat'))
    .map((file) => join(source, file));

/** The path of what is assembled of `file`. */
export const assembledFile = (/** @type {string} */ file) => file.replace(/\.wat$/, '.wasm.ts');

/** The bytes of a module of WebAssembly text. */
export async function assembled(/** @type {string} */ file) {
  const wabt = await loadWabt();
  const module = wabt.parseWat(file, readFileSync(file, 'utf8'), { simd: true });
  try {
    module.validate();
    return module.toBinary({}).buffer;
  } finally {
    module.destroy();
  }
}

/** The text of the module of TypeScript that holds them. */
export async function assembledText(/** @type {string} */ file) {
  const lines =
    Buffer.from(await assembled(file))
      .toString('base64')
      .match(/.{1,96}/g) ?? [];
  return (
    `/** Made of ${basename(file)} by \`npm run assemble\`; do not edit. Its bytes in base64. */\n` +
    `export const MODULE =\n${lines.map((line) => `  '${line}'`).join(' +\n')};\n`
  );
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  for (const file of watFiles()) writeFileSync(assembledFile(file), await assembledText(file));
}

/** Writes the WGSL of pipelines to files, one each, named by kernel and variant. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CompiledPipeline } from '../gpu/pipelines.js';

const LONGEST_NAME = 100;

const plain = (text: string) => text.replace(/[^A-Za-z0-9._=-]+/g, '-').replace(/^-|-$/g, '');

/** The file's name without its ending: the kernel and the options of its code. */
function stem({ label, entryPoint, options = {} }: CompiledPipeline): string {
  const parts = Object.entries(options).map(([name, value]) => `${name}=${value}`);
  return plain([label, ...(entryPoint ? [entryPoint] : []), ...parts].join('_')).slice(0, LONGEST_NAME);
}

/** The WGSL below a comment with the kernel, entry point, options and overrides. */
function annotatedWgsl({
  label,
  code,
  entryPoint = 'main',
  options = {},
  constants = {},
}: CompiledPipeline): string {
  const list = (title: string, values: object) =>
    Object.entries(values).map(([name, value]) => `//   ${title} ${name} = ${value}`);
  const head = [
    `// ${label}, entry point ${entryPoint}`,
    ...list('made for', options),
    ...list('override', constants),
  ];
  return `${head.join('\n')}\n\n${code.replace(/^\n/, '').trimEnd()}\n`;
}

/** Writes one file a pipeline and returns their names. */
export function writeWgsl(folder: string, pipelines: readonly CompiledPipeline[]): string[] {
  mkdirSync(folder, { recursive: true });
  const names = new Map<string, string>();
  for (const pipeline of pipelines) {
    const text = annotatedWgsl(pipeline);
    const first = stem(pipeline);
    let name = `${first}.wgsl`;
    for (let k = 2; names.has(name) && names.get(name) !== text; k++) name = `${first}_${k}.wgsl`;
    names.set(name, text);
  }
  for (const [name, text] of names) writeFileSync(join(folder, name), text);
  return [...names.keys()];
}

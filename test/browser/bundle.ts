/** A program with this library in one module, as a bundler makes it for browsers. No assertions. */
import { type BuildOptions, build } from 'esbuild';

/** @param source What to bundle: `entryPoints` with one file, or `stdin`. */
export async function bundled(source: Pick<BuildOptions, 'entryPoints' | 'stdin'>): Promise<string> {
  const { outputFiles } = await build({
    ...source,
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
  });
  return outputFiles[0].text;
}

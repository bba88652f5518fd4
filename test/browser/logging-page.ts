/** A page that runs a program and reports what it logs: a module, bundled for browsers. No assertions. */
import { build } from 'esbuild';

export interface LoggedReport {
  lines: string[];
  error?: string;
}

/** @param file The program, as imported from `folder`. */
export async function loggingPage(folder: string, file: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: {
      contents: `
        const report = { lines: [] };
        console.log = (...values) => report.lines.push(values.join(' '));
        try {
          await import(${JSON.stringify(file)});
        } catch (error) {
          report.error = String(error);
        }
        await fetch('/report', { method: 'POST', body: JSON.stringify(report) });`,
      resolveDir: folder,
    },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
  });
  return outputFiles[0].text;
}

/** A page that runs a program and reports what it logs: a module, bundled for browsers. No assertions. */
import { bundled } from './bundle.js';

export interface LoggedReport {
  lines: string[];
  error?: string;
}

/** @param file The program, as imported from `folder`. */
export function loggingPage(folder: string, file: string): Promise<string> {
  return bundled({
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
  });
}

/**
 * `npm run --silent gpu:report`: what `npm run gpu:measure` found as one Markdown block to paste. It measures nothing.
 *
 *     npx jiti benchmarks/gpu-report.ts [gpu.json]
 */
import { existsSync, readFileSync } from 'node:fs';
import { headerOf, type Machine } from './machine.js';
import { asMarkdown } from './print.js';
import type { Report } from './section.js';

const file = process.argv[2] ?? 'gpu.json';
if (existsSync(file)) {
  const { machine, reports } = JSON.parse(readFileSync(file, 'utf8')) as {
    machine: Machine;
    reports: readonly Report[];
  };
  const tables = reports.flatMap((report) => report.tables);
  console.log(asMarkdown(headerOf(machine), tables));
} else {
  console.error(`gpu:report: there is no ${file}; npm run gpu:measure writes it.`);
  process.exitCode = 2;
}

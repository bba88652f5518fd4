/**
 * `npm run benchmark`: measures what the project promises, prints tables, and writes all samples to a JSON file. The
 * sections measure; this file chooses among them and prints.
 *
 *     npm run benchmark -- [--only step,data] [--rounds 3] [--quick] [--json FILE] [--markdown FILE]
 */
import { writeFileSync } from 'node:fs';
import { Command, InvalidArgumentError } from 'commander';
import { openDevice } from 'lockstep-gpu';
import { headerOf, machineOf } from './machine.js';
import { Peers } from './peers/peers.js';
import { asMarkdown, asText, targetTable } from './print.js';
import type { Report, Section } from './section.js';
import { compile } from './sections/compile.js';
import { compiler } from './sections/compiler.js';
import { data } from './sections/data.js';
import { endToEnd } from './sections/end-to-end.js';
import { fusedMlp } from './sections/fused-mlp.js';
import { hostShare } from './sections/host-share.js';
import { kernels } from './sections/kernels.js';
import { networks } from './sections/networks.js';
import { optimizer } from './sections/optimizer.js';
import { profiling } from './sections/profiling.js';
import { scaling } from './sections/scaling.js';
import { schedules } from './sections/schedules.js';
import { trainingStep } from './sections/training-step.js';

const SECTIONS: readonly Section[] = [
  trainingStep,
  networks,
  schedules,
  scaling,
  endToEnd,
  hostShare,
  kernels,
  fusedMlp,
  optimizer,
  data,
  compile,
  compiler,
  profiling,
];

interface Flags {
  only: Section[];
  rounds: number;
  quick: boolean;
  json: string;
  markdown?: string;
  adapter?: string;
}

function sectionsNamed(list: string): Section[] {
  return list.split(',').map((name) => {
    const section = SECTIONS.find((one) => one.name === name.trim());
    if (section) return section;
    const names = SECTIONS.map((one) => one.name).join(', ');
    throw new InvalidArgumentError(`there is no section '${name}'; there are ${names}.`);
  });
}

function roundsOf(text: string): number {
  const rounds = Number(text);
  if (Number.isInteger(rounds) && rounds >= 1) return rounds;
  throw new InvalidArgumentError('give a whole number of at least 1.');
}

async function main({ only, rounds, quick, json, markdown, adapter }: Flags): Promise<void> {
  const device = await openDevice({ adapter });
  const machine = machineOf(device);
  const peers = new Peers();
  const begin = performance.now();
  const clock = () => `${((performance.now() - begin) / 1e3).toFixed(0).padStart(4)} s`;
  console.log(headerOf(machine));
  for (const line of peers.missing()) console.log(line);
  const reports: (Report & { section: string; seconds: number })[] = [];
  try {
    for (const section of only) {
      const say = (text: string) => console.error(`${clock()}  ${section.name}: ${text}`);
      const start = performance.now();
      const report = await section.run({ device, peers, rounds, quick, say });
      reports.push({ section: section.name, seconds: (performance.now() - start) / 1e3, ...report });
      for (const table of report.tables) console.log(asText(table));
      // Written after every section, so that what was measured is kept if a later section breaks.
      const command = process.argv.slice(2);
      writeFileSync(json, JSON.stringify({ machine, rounds, quick, command, reports }, null, 2));
    }
  } finally {
    peers.close();
  }
  const targets = reports.flatMap((report) => report.targets ?? []);
  const last = targets.length > 0 ? [targetTable(targets)] : [];
  for (const table of last) console.log(asText(table));
  if (markdown) {
    const tables = [...last, ...reports.flatMap((report) => report.tables)];
    const chosen = process.argv
      .slice(2)
      .join(' ')
      .replace(/--(json|markdown)[ =]\S+ ?/g, '');
    const command = `npm run benchmark${chosen ? ` -- ${chosen.trim()}` : ''}`;
    writeFileSync(markdown, asMarkdown(`\`${command}\`\n\n${headerOf(machine)}`, tables));
  }
  console.error(`${clock()}  done; all samples are in ${json}`);
  device.destroy();
}

await new Command('npm run benchmark --')
  .description('Measures training, kernels, data and start-up beside the peers that are installed.')
  .option('--only <sections>', `some of ${SECTIONS.map(({ name }) => name).join(', ')}`, sectionsNamed, [
    ...SECTIONS,
  ])
  .option('--rounds <count>', 'measurements of each figure', roundsOf, 3)
  .option('--quick', 'fewer shapes and shorter runs', false)
  .option('--json <file>', 'where all samples go', 'benchmark.json')
  .option('--markdown <file>', 'the tables in Markdown, for RESULTS.md')
  .option('--adapter <text>', 'part of the name of the adapter to use')
  .action(main)
  .parseAsync();

// The README stays true: its programs compile, the loop prints what it says, its links lead somewhere, also from the
// package's page at npm, and its contents list has all chapters.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import ts from 'typescript';
import { describe, expect, it, vi } from 'vitest';
import manifest from '../package.json' with { type: 'json' };
import type { Summary } from '../src/bench/summary.js';
import { addBenchFlags } from '../src/cli/bench-flags.js';
import { resultsTable } from '../src/cli/results-table.js';
import { colorsFor } from '../src/cli/style.js';

const at = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const readme = readFileSync(at('README.md'), 'utf8');
const home = manifest.homepage.replace('#readme', '');
const raw = home.replace('https://github.com/', 'https://raw.githubusercontent.com/');

const blocks = [...readme.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map(([, language, code]) => ({
  language,
  code,
}));
const programs = blocks.filter(({ language }) => language === 'ts' || language === 'js');

describe('the programs of the README', () => {
  it('compile', () => {
    const sources = new Map(
      programs.map(({ language, code }, index) => [at(`readme-${index}.${language}`), code]),
    );
    expect(sources.size).toBeGreaterThanOrEqual(3);
    const { config } = ts.readConfigFile(at('tsconfig.json'), ts.sys.readFile);
    const { options } = ts.parseJsonConfigFileContent(config, ts.sys, at('.'));
    const host = ts.createCompilerHost(options);
    const { readFile, fileExists, getSourceFile } = host;
    host.fileExists = (name) => sources.has(name) || fileExists(name);
    host.readFile = (name) => sources.get(name) ?? readFile(name);
    host.getSourceFile = (name, target, ...rest) => {
      const code = sources.get(name);
      return code === undefined
        ? getSourceFile(name, target, ...rest)
        : ts.createSourceFile(name, code, target);
    };
    // A parameter that a strategy is given and does not use shows the reader that it is there.
    const program = ts.createProgram([...sources.keys()], { ...options, noUnusedParameters: false }, host);
    const wrong = [...sources.keys()].flatMap((name) => {
      const source = program.getSourceFile(name)!;
      return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
        ({ messageText }) => `${name}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
      );
    });
    expect(wrong).toEqual([]);
  });

  it('begin with the sweep; the loop after it prints what stands below', async () => {
    const [install, sweep, code, output] = blocks;
    expect(install).toEqual({ language: 'sh', code: 'npm i lockstep-gpu webgpu\n' });
    expect(readFileSync(at('examples/sweep.ts'), 'utf8')).toContain(sweep.code);
    expect(readFileSync(at('examples/xor.ts'), 'utf8')).toContain(code.code);
    const printed: number[][] = [];
    const log = vi.spyOn(console, 'log').mockImplementation((...values) => printed.push(values));
    await import('../examples/xor.js');
    log.mockRestore();
    const promised = output.code
      .trim()
      .split('\n')
      .map((line) => line.split(' ').map(Number));
    expect(printed.map(([step]) => step)).toEqual(promised.map(([step]) => step));
    // The same weights everywhere; devices differ in the last digits, which training multiplies.
    for (const [line, [, loss]] of promised.entries()) {
      expect(Math.abs(printed[line][1] - loss)).toBeLessThan(line === 0 ? 1e-5 : 5e-4);
    }
  });
});

describe('the links of the README', () => {
  const links = [...readme.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link);

  it('are absolute or within the page: npm shows the page without the repository', () => {
    expect(links.length).toBeGreaterThan(15);
    expect(links.filter((link) => !/^(https:\/\/|#)/.test(link))).toEqual([]);
  });

  it('into the repository lead to files that are there', () => {
    const inside = links.filter((link) => link.startsWith(home) || link.startsWith(raw));
    expect(inside.length).toBeGreaterThan(8);
    for (const link of inside) {
      const path = link
        .replace(raw, '')
        .replace(home, '')
        .replace(/^\/((blob|tree)\/)?main\//, '');
      expect({ link, there: existsSync(at(path)) }).toEqual({ link, there: true });
    }
  });

  it('lead to every example', () => {
    const examples = readdirSync(at('examples')).map((name) => `${home}/blob/main/examples/${name}`);
    expect(examples.filter((link) => !links.includes(link))).toEqual([]);
  });

  it('within the page lead to its chapters, and the contents list has them all, in order', () => {
    const chapters = [...readme.matchAll(/^## (.*)$/gm)].map(([, title]) => title);
    const anchors = chapters.map((title) => `#${title.toLowerCase().replaceAll(' ', '-')}`);
    expect(links.filter((link) => link.startsWith('#'))).toEqual(
      anchors.filter((anchor) => anchor !== '#contents'),
    );
  });

  it('the package names the same repository', () => {
    expect(manifest.repository.url).toBe(`git+${home}.git`);
    expect(manifest.bugs.url).toBe(`${home}/issues`);
  });
});

describe('the words of the README', () => {
  it('explain the public scaffold where it is first named', () => {
    const first = readme.indexOf('scaffold');
    expect(readme.slice(first - 150, first)).toMatch(/published with a PyTorch program/);
  });

  it('give two commands for a fresh clone', () => {
    expect(readme).toMatch(/^npm run setup && npm run bench .*\nnpm run setup && npm test /m);
  });

  it('name every flag of bench', () => {
    const flags = addBenchFlags(new Command('bench')).options.filter(({ hidden }) => !hidden);
    expect(flags.length).toBeGreaterThan(10);
    for (const { long } of flags) expect(readme).toContain(long);
  });

  it('show the table of bench as the program prints it', () => {
    const shown = blocks.find(({ code }) => code.startsWith('config '))!.code.trimEnd();
    const rows = shown
      .split('\n')
      .slice(1)
      .map((line) => line.split(/ {2,}/));
    const table = resultsTable(
      rows.map(([config, runs, accuracy, std, worst, steps, seconds]) => ({
        config,
        seconds: Number(seconds),
        summary: {
          strategy: 'feature-isolation',
          complete: true,
          metrics: {
            num_runs: Number(runs),
            test_accuracy: Number(accuracy),
            test_accuracy_std: Number(std),
            mean_steps: Number(steps.replace(',', '')),
          },
          results: [{ test_accuracy: Number(worst) }],
        } as unknown as Summary,
      })),
      colorsFor({ isTTY: false } as NodeJS.WriteStream),
    );
    // The rate is of seconds that the table rounds.
    const without = (text: string) => text.replace(/ +[\d.]+$/gm, '');
    expect(without(table)).toBe(without(shown));
  });
});

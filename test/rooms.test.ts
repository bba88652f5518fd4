// The house keeps its order: a room imports from floors below its own only, and no module depends on itself.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Floors by folder, as CONTRIBUTING.md lists them. */
const FLOORS: Record<string, number> = {
  'src/platform': 0,
  shaders: 1,
  'src/gpu': 1,
  'src/random': 1,
  'src/profiler': 2,
  'src/tensor': 2,
  'src/kernels': 3,
  'src/autograd': 4,
  'src/lockstep': 4,
  'src/nn': 5,
  'src/optim': 5,
  'src/bench': 6,
  'src/profile': 7,
  'src/cli': 8,
};

/** They hand the whole package to the user's file that they load. */
const LOADERS = ['src/bench/strategy-worker.ts', 'src/profile/script.ts'];

const modules = ['shaders', 'src'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))
    .map((file) => join(folder, file)),
);

const roomOf = (file: string): string =>
  Object.keys(FLOORS).find((room) => file.startsWith(`${room}/`)) ?? '';

interface Import {
  to: string;
  /** False where only types are imported, which leave no trace in the program. */
  runs: boolean;
}

function importsOf(file: string): Import[] {
  const code = readFileSync(join(root, file), 'utf8');
  const found = code.matchAll(/^(?:import|export)\s+(type\s+)?([^;'"]*?)from\s+'(\.[^']+)';/gms);
  return [...found].map(([, typeOnly, names, path]) => {
    const listed =
      /\{([^}]*)\}/
        .exec(names)?.[1]
        .split(',')
        .map((name) => name.trim())
        .filter(Boolean) ?? [];
    const onlyTypes =
      typeOnly !== undefined || (listed.length > 0 && listed.every((name) => name.startsWith('type ')));
    const to = relative(root, resolve(root, dirname(file), path)).replace(/\.js$/, '.ts');
    return { to, runs: !onlyTypes };
  });
}

const imports = new Map(modules.map((file) => [file, importsOf(file)]));

it('finds the modules and what they import', () => {
  expect(modules.length).toBeGreaterThan(60);
  expect(modules.filter((file) => roomOf(file) === '')).toEqual(['src/index.ts']);
  const known = new Set(modules);
  expect([...imports.values()].flat().filter(({ to }) => !known.has(to) && to !== 'package.json')).toEqual(
    [],
  );
});

it('rooms import from floors below only', () => {
  const upwards = [...imports].flatMap(([file, list]) => {
    const room = roomOf(file);
    if (room === '' || LOADERS.includes(file)) return [];
    return list
      .filter(
        ({ to }) => to !== 'package.json' && roomOf(to) !== room && !(FLOORS[roomOf(to)] < FLOORS[room]),
      )
      .map(({ to }) => `${file} -> ${to}`);
  });
  expect(upwards).toEqual([]);
});

it('no circles, types aside', () => {
  const circles: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, path: string[]): void => {
    if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(' -> '));
    if (done.has(file) || path.includes(file)) return;
    for (const { to, runs } of imports.get(file) ?? []) if (runs) visit(to, [...path, file]);
    done.add(file);
  };
  for (const file of modules) visit(file, []);
  expect(circles).toEqual([]);
});

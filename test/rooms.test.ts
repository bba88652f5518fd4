// The house keeps the order that CONTRIBUTING.md's table states: a room imports from lower floors only, no module depends
// on itself, every export is used, and test/ has the folders of what it tests.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const textOf = (file: string): string => readFileSync(join(root, file), 'utf8');

/** A folder's TypeScript modules, from the repository's root. */
const modulesIn = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts') && !file.includes('node_modules'))
    .map((file) => join(folder, file));

const modules = ['shaders', 'src'].flatMap(modulesIn);

/** Floors by room, from the table in CONTRIBUTING.md: `| 2 | `src/tensor/` | shapes, … |`. */
const FLOORS = new Map(
  [...textOf('CONTRIBUTING.md').matchAll(/^\| (\d+) \| ([^|]+) \|/gm)].flatMap(([, floor, rooms]) =>
    [...rooms.matchAll(/`([^`]+)`/g)].map(([, room]) => [room, Number(floor)] as const),
  ),
);

/** The room of a module: the folder, or the file itself, that the table names. */
const roomOf = (file: string): string | undefined =>
  [...FLOORS.keys()].find((room) => (room.endsWith('/') ? file.startsWith(room) : file === room));

interface Import {
  to: string;
  /** The names that are imported; `*` for all. */
  names: string[];
}

/** What a module takes from the repository's other modules: imports and re-exports, of types and by `import()` too. */
function importsOf(file: string): Import[] {
  const code = textOf(file);
  const target = (path: string) => relative(root, resolve(root, dirname(file), path)).replace(/\.js$/, '.ts');
  const statements = [...code.matchAll(/^(?:import|export)\s([^;'"]*?)\s?from\s+'(\.[^']+)'/gm)];
  const calls = [...code.matchAll(/(?:const (\{[^}]*\}) = await )?import\('(\.[^']+)'\)/g)];
  return [...statements, ...calls].map(([, what = '*', path]) => ({
    to: target(path),
    names: /\{([^}]*)\}/.test(what) ? namesIn(what) : ['*'],
  }));
}

/** The names in braces, as their module calls them: `{ type A, b as c, d: e }` has A, b and d. */
const namesIn = (list: string): string[] =>
  list
    .slice(list.indexOf('{') + 1, list.indexOf('}'))
    .split(',')
    .map((name) => name.trim().replace(/^type /, ''))
    .filter(Boolean)
    .map((name) => name.split(/ as |:/)[0]);

const imports = new Map(modules.map((file) => [file, importsOf(file)]));

it('finds the rooms, the modules and what they import', () => {
  expect(FLOORS.size).toBeGreaterThan(10);
  expect([...FLOORS.keys()].filter((room) => !existsSync(join(root, room)))).toEqual([]);
  expect(modules.filter((file) => roomOf(file) === undefined)).toEqual([]);
  const known = new Set([...modules, 'package.json']);
  const targets = [...imports.values()].flat().map(({ to }) => to);
  expect(targets.filter((to) => !known.has(to))).toEqual([]);
  expect(targets.length).toBeGreaterThan(500);
});

it('rooms import from lower floors only', () => {
  const floorOf = (file: string): number => FLOORS.get(roomOf(file) as string) as number;
  const upwards = [...imports].flatMap(([file, list]) =>
    list
      .filter(
        ({ to }) => to !== 'package.json' && roomOf(to) !== roomOf(file) && floorOf(to) >= floorOf(file),
      )
      .map(({ to }) => `${file} -> ${to}`),
  );
  expect(upwards).toEqual([]);
});

it('no module depends on itself, not even by types', () => {
  const circles: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, path: string[]): void => {
    if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(' -> '));
    if (done.has(file) || path.includes(file)) return;
    for (const { to } of imports.get(file) ?? []) visit(to, [...path, file]);
    done.add(file);
  };
  for (const file of modules) visit(file, []);
  expect(circles).toEqual([]);
});

/** Modules whose exports are public: those that package.json names, and those that they export as a whole. */
function publicModules(): Set<string> {
  const found = new Set(['src/index.ts', 'src/bench/index.ts', 'src/bench/shards/index.ts']);
  for (const file of found) {
    for (const [, path] of textOf(file).matchAll(/^export \* (?:as \w+ )?from '(\.[^']+)'/gm)) {
      found.add(join(dirname(file), path).replace(/\.js$/, '.ts'));
    }
  }
  return found;
}

const DECLARED = /^export (?:abstract |async )*(?:const|let|function\*?|class|interface|type|enum) (\w+)/gm;

it('every export is public or imported by another module', () => {
  const everywhere = [...modules, ...['test', 'benchmarks', 'examples'].flatMap(modulesIn)];
  const used = new Set(
    everywhere.flatMap((file) =>
      importsOf(file).flatMap(({ to, names }) => names.map((name) => `${to} ${name}`)),
    ),
  );
  const open = publicModules();
  const unused = modules
    .filter((file) => !open.has(file) && !used.has(`${file} *`))
    .flatMap((file) => [...textOf(file).matchAll(DECLARED)].map(([, name]) => `${file} ${name}`))
    .filter((name) => !used.has(name));
  expect(unused).toEqual([]);
});

it('a folder of tests is named as what it tests', () => {
  /** Tests of the whole, as CONTRIBUTING.md says. */
  const whole = ['test/browser', 'test/public-api'];
  const folders = new Set(
    modulesIn('test')
      .filter((file) => file.endsWith('.test.ts') && dirname(file) !== 'test')
      .map(dirname),
  );
  expect(folders.size).toBeGreaterThan(10);
  const astray = [...folders].filter((folder) => {
    const tested = relative('test', folder);
    return (
      !whole.includes(folder) && !existsSync(join(root, 'src', tested)) && !existsSync(join(root, tested))
    );
  });
  expect(astray).toEqual([]);
});

// Each case runs in a process of its own, whose standard error is read: what native code prints cannot be seen otherwise.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Runs a module that may `load` the library's source files. */
function run(script: string) {
  const load = `import { createJiti } from 'jiti'; import { writeSync } from 'node:fs';
    const load = (path) => createJiti(process.cwd() + '/x.ts').import(path);
    const { withoutLines } = await load('./src/platform/stderr-lines.ts');`;
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--input-type=module', '-e', `${load}\n${script}`],
    { cwd: root, encoding: 'utf8', timeout: 60_000 },
  );
  return { stdout, stderr };
}

// Elsewhere than on Linux lines are printed as they come; Dawn has none to print there.
describe.runIf(process.platform === 'linux')('lines on standard error', () => {
  it('the ones named are dropped, whatever else is printed meanwhile stays, in its order', () => {
    const { stdout, stderr } = run(`
      const result = await withoutLines(/^known .*\\n/gm, async () => {
        writeSync(2, 'known 1\\nother\\nknown 2\\n');
        writeSync(2, 'not known 3\\nwithout an end');
        return 7;
      });
      writeSync(2, '\\nafter\\nknown 4\\n');
      console.log(result);`);
    expect(stderr).toBe('other\nnot known 3\nwithout an end\nafter\nknown 4\n');
    expect(stdout).toBe('7\n');
  });

  it('a call that throws leaves standard error as it was, and its words are printed', () => {
    const { stdout, stderr } = run(`
      for (let n = 0; n < 3; n++) {
        try {
          await withoutLines(/^known\\n/gm, () => {
            writeSync(2, 'known\\nthe reason\\n');
            throw new Error('broken');
          });
        } catch (error) {
          console.log(error.message);
        }
      }
      writeSync(2, 'known\\n');`);
    expect(stderr).toBe('the reason\n'.repeat(3) + 'known\n');
    expect(stdout).toBe('broken\n'.repeat(3));
  });

  it('no descriptor stays open', () => {
    const { stdout } = run(`
      const { readdirSync } = await import('node:fs');
      await withoutLines(/x/g, () => 0);
      const before = readdirSync('/proc/self/fd').length;
      for (let n = 0; n < 50; n++) await withoutLines(/x/g, () => 0);
      console.log(readdirSync('/proc/self/fd').length - before);`);
    expect(stdout).toBe('0\n');
  });

  it('a thread other than the main one leaves it alone', () => {
    const { stdout, stderr } = run(`
      const { Worker } = await import('node:worker_threads');
      const code = \`import('jiti').then(async ({ createJiti }) => {
        const path = './src/platform/stderr-lines.ts';
        const { withoutLines } = await createJiti(process.cwd() + '/x.ts').import(path);
        const { writeSync } = await import('node:fs');
        await withoutLines(/^known\\\\n/gm, () => writeSync(2, 'known\\\\n'));
      });\`;
      await new Promise((resolve) => new Worker(code, { eval: true }).on('exit', resolve));
      console.log('done');`);
    expect({ stdout, stderr }).toEqual({ stdout: 'done\n', stderr: 'known\n' });
  });

  it('opening devices, and asking for adapters, prints nothing', () => {
    const { stdout, stderr } = run(`
      const { openDevice } = await load('./src/adapter/open.ts');
      const { listAdapters } = await load('./src/adapter/dawn.ts');
      const adapters = await listAdapters();
      const devices = [await openDevice(), await openDevice(), await openDevice({ toggles: ['skip_validation'] })];
      if (adapters.length > 0) devices.push(await openDevice({ adapter: adapters[0].name }));
      for (const device of devices) device.destroy();
      console.log('opened');`);
    expect({ stdout, stderr }).toEqual({ stdout: 'opened\n', stderr: '' });
  });
});

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { noAdapterMessage } from '../../src/gpu/no-adapter.js';

describe('without an adapter', () => {
  it.each(['linux', 'darwin', 'win32', 'browser', 'aix'])(
    'one paragraph says what to do on %s',
    (platform) => {
      const message = noAdapterMessage(platform);
      expect(message).toMatch(/^No WebGPU adapter was found\. /);
      expect(message).not.toContain('\n');
    },
  );

  it('Linux is told the package, its version and the set-up command', () => {
    for (const words of ['mesa-vulkan-drivers', '24 or newer', 'npm run setup']) {
      expect(noAdapterMessage('linux')).toContain(words);
    }
  });

  it('openDevice throws that paragraph', () => {
    // A process of its own, in which the Vulkan loader finds no driver.
    const root = fileURLToPath(new URL('../..', import.meta.url));
    const script = `import { createJiti } from 'jiti'; const jiti = createJiti(process.cwd() + '/x.ts');
      const { openDevice } = await jiti.import('./src/gpu/open.ts');
      try { await openDevice(); console.log('opened'); } catch (error) { console.log(error.code + ': ' + error.message); }`;
    const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, VK_ICD_FILENAMES: '/nowhere.json', VK_DRIVER_FILES: '/nowhere.json' },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    if (process.platform === 'linux') expect(output.trim()).toBe(`no-adapter: ${noAdapterMessage('linux')}`);
    else expect(output.trim()).not.toBe('');
  });
});

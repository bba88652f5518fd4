// What a user is told where there is no WebGPU adapter, or a page has no WebGPU.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { noAdapterMessage, noWebGpuMessage } from '../../src/adapter/no-adapter.js';

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
      const { openDevice } = await jiti.import('./src/adapter/open.ts');
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

/** What a page finds in its globals, and what it is to be told. */
const PAGES = [
  {
    name: 'http on a LAN address',
    page: { isSecureContext: false, location: { origin: 'http://192.168.1.7:8080' } },
    agent:
      'Mozilla/5.0 (X11; Linux x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
    told: /http:\/\/192\.168\.1\.7:8080 is not a secure context.*https.*localhost/,
  },
  {
    name: 'an old Chrome',
    page: { isSecureContext: true, location: { origin: 'https://a.example' } },
    agent: 'Mozilla/5.0 (X11) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/112.0.0.0 Safari/537.36',
    told: /this is Chrome 112, and WebGPU came with Chrome 113/,
  },
  {
    name: 'an old Edge',
    page: { isSecureContext: true },
    agent: 'Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko) Chrome/112.0.0.0 Safari/537.36 Edg/112.0.1',
    told: /this is Edge 112, and WebGPU came with Edge 113/,
  },
  {
    name: 'an old Safari',
    page: { isSecureContext: true },
    agent: 'Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.3 Safari/605.1.15',
    told: /this is Safari 18, and WebGPU came with Safari 26/,
  },
  {
    name: 'an old Firefox',
    page: { isSecureContext: true },
    agent: 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
    told: /this is Firefox 128, and WebGPU came with Firefox 141/,
  },
  {
    name: 'a new Firefox with WebGPU switched off',
    page: { isSecureContext: true },
    agent: 'Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0',
    told: /Firefox 150 has no `navigator\.gpu` here\..*dom\.webgpu\.enabled/,
  },
  {
    name: 'a page that says nothing',
    page: {},
    agent: undefined,
    told: /this browser has no `navigator\.gpu`/,
  },
];

describe('a page without navigator.gpu', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.resetModules();
  });

  it.each(PAGES)('$name is told why', async ({ page, agent, told }) => {
    vi.stubGlobal('process', Object.create(process, { versions: { value: {} } }));
    vi.stubGlobal('navigator', agent === undefined ? undefined : { userAgent: agent });
    for (const [name, value] of Object.entries(page)) vi.stubGlobal(name, value);
    const { openDevice } = await import('../../src/adapter/open.js');
    const { listAdapters } = await import('../../src/adapter/dawn.js');
    for (const ask of [openDevice, listAdapters]) {
      const error = await ask().catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: 'no-adapter', message: expect.stringMatching(told) });
    }
  });

  it('no message speaks of the npm package, or ends in the middle', () => {
    for (const isSecureContext of [true, false]) {
      for (const userAgent of ['', ...PAGES.map(({ agent = '' }) => agent)]) {
        const message = noWebGpuMessage({ isSecureContext, origin: '', userAgent });
        expect(message).toMatch(/^No WebGPU on this page: .*\.$/);
        expect(message).not.toMatch(/npm|Dawn|undefined|NaN/);
      }
    }
  });

  it('a page with navigator.gpu but without an adapter is told of the settings, not of https', async () => {
    vi.stubGlobal('process', Object.create(process, { versions: { value: {} } }));
    vi.stubGlobal('navigator', { gpu: { requestAdapter: async () => null } });
    const { openDevice } = await import('../../src/adapter/open.js');
    const error = await openDevice().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'no-adapter', message: noAdapterMessage('browser') });
  });
});

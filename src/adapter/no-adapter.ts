/**
 * The text that explains what to do where a machine has no WebGPU adapter, or a page no WebGPU. open.ts looks for the
 * adapter.
 */
import { checkText } from '../platform/arguments.js';
import type { PageFacts } from '../platform/platform.js';

/**
 * The paragraph that says what to install where no WebGPU adapter is found.
 *
 * @param platform `process.platform` of the machine, or `'browser'`.
 * @example
 * console.error(noAdapterMessage(process.platform));
 */
export function noAdapterMessage(platform: string): string {
  checkText('noAdapterMessage', 'the platform', platform);
  const found = 'No WebGPU adapter was found.';
  switch (platform) {
    case 'linux':
      return (
        `${found} On Linux, WebGPU needs a Vulkan driver: install the one of your GPU, or Mesa's CPU driver, ` +
        'version 24 or newer. On Debian and Ubuntu, `npm run setup` in a clone of this repository installs it as ' +
        'root, and `apt-get install mesa-vulkan-drivers` does elsewhere (Debian 12: from bookworm-backports); ' +
        'other distributions call it vulkan-swrast, mesa-vulkan-swrast or mesa-vulkan-drivers. In a container, ' +
        'the GPU and its driver files have to be passed in.'
      );
    case 'darwin':
      return (
        `${found} macOS brings its own driver (Metal) and needs nothing installed, so this machine probably hides ` +
        'its GPU: virtual machines and some CI runners do. Try it on the machine itself.'
      );
    case 'win32':
      return (
        `${found} Windows needs no more than a current graphics driver (Direct3D 12): update it, and run outside ` +
        'of a remote session or virtual machine that hides the GPU.'
      );
    case 'browser':
      return (
        `${found} The browser has WebGPU but offers no GPU to this page: hardware acceleration is off in its settings, ` +
        'or it does not trust the driver. `chrome://gpu` or `about:support` says which; on Linux, Chrome may need ' +
        '`chrome://flags/#enable-unsafe-webgpu`.'
      );
    default:
      return `${found} Dawn, which brings WebGPU to Node, runs on Linux, macOS and Windows, not on ${platform}.`;
  }
}

/** The first versions with WebGPU, and how a browser names itself in its user agent, the most telling name first. */
const BROWSERS = [
  { name: 'Edge', pattern: /\bEdg\/(\d+)/, first: 113 },
  { name: 'Chrome', pattern: /\b(?:Headless)?Chrome\/(\d+)/, first: 113 },
  { name: 'Firefox', pattern: /\bFirefox\/(\d+)/, first: 141 },
  { name: 'Safari', pattern: /\bVersion\/(\d+).*\bSafari\//, first: 26 },
] as const;

/**
 * The paragraph for a page without `navigator.gpu`: why it has none, as far as the page can tell.
 *
 * @example
 * console.error(noWebGpuMessage({ isSecureContext: false, origin: 'http://192.168.1.7', userAgent: '' }));
 */
export function noWebGpuMessage({ isSecureContext, origin, userAgent }: PageFacts): string {
  if (!isSecureContext) {
    return (
      `No WebGPU on this page: ${origin || 'it'} is not a secure context, and browsers give WebGPU to secure ones only. ` +
      'Serve the page over https, or open it as http://localhost.'
    );
  }
  const browser = BROWSERS.find(({ pattern }) => pattern.test(userAgent));
  const version = browser ? Number(browser.pattern.exec(userAgent)?.[1]) : Number.NaN;
  const since = BROWSERS.map(({ name, first }) => `${name} ${first}`).join(', ');
  if (browser && version < browser.first) {
    return (
      `No WebGPU on this page: this is ${browser.name} ${version}, and WebGPU came with ${browser.name} ${browser.first}. ` +
      `Update it, or take a browser that has it: ${since} or newer.`
    );
  }
  const name = browser ? `${browser.name} ${version}` : 'this browser';
  return (
    `No WebGPU on this page: ${name} has no \`navigator.gpu\` here. It came with ${since}, not on every system at once: ` +
    'update the browser, and look whether WebGPU is switched off in its flags (`chrome://flags/#enable-unsafe-webgpu`, ' +
    '`dom.webgpu.enabled`).'
  );
}

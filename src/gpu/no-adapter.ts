/**
 * What to tell someone whose machine offers no WebGPU adapter: one paragraph, the same from every command. Words
 * only; the search for an adapter is in open.ts.
 */

/**
 * The paragraph that says what to install where no WebGPU adapter is found.
 *
 * @param platform `process.platform` of the machine, or `'browser'`.
 * @example
 * console.error(noAdapterMessage(process.platform));
 */
export function noAdapterMessage(platform: string): string {
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
        `${found} This browser has no WebGPU, or it is switched off, or the page is not served over HTTPS or from ` +
        'localhost. Chrome and Edge 113, Safari 26 and Firefox 141 or newer have it; hardware acceleration must ' +
        'be on in the settings.'
      );
    default:
      return `${found} Dawn, which brings WebGPU to Node, runs on Linux, macOS and Windows, not on ${platform}.`;
  }
}

/**
 * Finds the WebGPU implementation: `navigator.gpu` where there is one, else Dawn from the optional peer package
 * `webgpu`. It opens no device; that is open.ts.
 */
import { LockstepError } from '../platform/errors.js';
import { pageFacts, platformName } from '../platform/platform.js';
import { withoutLines } from '../platform/stderr-lines.js';
import { noWebGpuMessage } from './no-adapter.js';

interface DawnModule {
  create(flags: string[]): GPU;
}

/** An adapter as Dawn lists it. In a browser there is one entry, for what the browser chose. */
export interface AdapterListing {
  /** `vulkan`, `metal`, `d3d12`, …; `browser` where the browser does not say. */
  backend: string;
  name: string;
}

let dawn: Promise<DawnModule> | undefined;

/**
 * Dawn instances by their flags. They stay reachable until the process ends: when an instance is collected while one
 * of its devices is alive, Dawn crashes. Keeping them does not keep the process alive.
 */
const instances = new Map<string, GPU>();

const browserGpu = (): GPU | undefined =>
  (globalThis as { navigator?: { gpu?: GPU } }).navigator?.gpu ?? undefined;

async function loadDawn(): Promise<DawnModule> {
  if (platformName() === 'browser') throw new LockstepError('no-adapter', noWebGpuMessage(pageFacts()));
  // Not a literal, so that bundlers for browsers do not follow it: the package is a native add-on for Node.
  const specifier = ['web', 'gpu'].join('');
  try {
    return (await import(/* webpackIgnore: true */ /* @vite-ignore */ specifier)) as DawnModule;
  } catch (cause) {
    if ((cause as { code?: string }).code === 'ERR_MODULE_NOT_FOUND') {
      throw new LockstepError(
        'no-adapter',
        'Node has no WebGPU of its own, and the package `webgpu` (Dawn), which brings it, is not installed: run ' +
          '`npm i webgpu`.',
        { cause },
      );
    }
    throw new LockstepError(
      'no-adapter',
      `The package \`webgpu\` (Dawn) is installed but does not load on this machine: ${(cause as Error).message}`,
      { cause },
    );
  }
}

async function instance(flags: string[]): Promise<GPU> {
  dawn ??= loadDawn();
  const module = await dawn;
  const key = flags.join(' ');
  let gpu = instances.get(key);
  if (!gpu) {
    gpu = module.create(flags);
    instances.set(key, gpu);
  }
  return gpu;
}

/**
 * Dawn says for every driver without a limit of dynamic buffers (Mesa's all) that it takes 16 of them. The library uses
 * none, and Dawn has no switch for the two lines.
 */
const LIMIT_LINES =
  /^Warning: maxDynamic(Uniform|Storage)BuffersPerPipelineLayout artificially reduced from .*\n/gm;

/** `gpu.requestAdapter` without the lines that Dawn prints about limits each time. */
export async function requestAdapter(
  gpu: GPU,
  options?: GPURequestAdapterOptions,
): Promise<GPUAdapter | null> {
  if (gpu === browserGpu()) return gpu.requestAdapter(options);
  return withoutLines(LIMIT_LINES, () => gpu.requestAdapter(options));
}

/**
 * The adapters of this machine.
 *
 * @example
 * for (const { backend, name } of await listAdapters()) console.log(backend, name);
 */
export async function listAdapters(): Promise<AdapterListing[]> {
  const inBrowser = browserGpu();
  if (inBrowser) {
    const adapter = await requestAdapter(inBrowser);
    if (!adapter) return [];
    const { vendor, architecture, device, description } = adapter.info;
    return [{ backend: 'browser', name: description || device || `${vendor} ${architecture}`.trim() }];
  }
  // Dawn for Node lists its adapters in the error about a name that none of them has.
  const gpu = await instance(['adapter=(list all)']);
  let listing = '';
  try {
    await requestAdapter(gpu);
  } catch (error) {
    listing = (error as Error).message;
  }
  const found = [...listing.matchAll(/backend: '([^']*)', name: '([^']*)'/g)];
  return found.map(([, backend, name]) => ({ backend, name }));
}

/** A GPU object and, where one was asked for by name, the listing of the adapter it gives. */
interface Implementation {
  gpu: GPU;
  listing?: AdapterListing;
}

/**
 * The WebGPU implementation to ask for an adapter.
 *
 * @param adapter Part of an adapter's name, in any case.
 * @param toggles Dawn toggles to enable; a leading `!` disables one. Browsers ignore them.
 */
export async function implementation(
  adapter?: string,
  toggles: readonly string[] = [],
): Promise<Implementation> {
  const inBrowser = browserGpu();
  if (inBrowser) return { gpu: inBrowser };
  const flags: string[] = [];
  const enabled = toggles.filter((toggle) => !toggle.startsWith('!'));
  const disabled = toggles.filter((toggle) => toggle.startsWith('!')).map((toggle) => toggle.slice(1));
  if (enabled.length > 0) flags.push(`enable-dawn-features=${enabled.join(',')}`);
  if (disabled.length > 0) flags.push(`disable-dawn-features=${disabled.join(',')}`);
  if (adapter === undefined) return { gpu: await instance(flags) };
  const listings = await listAdapters();
  const listing = listings.find(({ name }) => name.toLowerCase().includes(adapter.toLowerCase()));
  if (!listing) {
    const names = listings.map(({ backend, name }) => `"${name}" (${backend})`).join(', ');
    throw new LockstepError(
      'no-adapter',
      `No WebGPU adapter has "${adapter}" in its name. This machine has ${names || 'none'}.`,
    );
  }
  flags.push(`adapter=${listing.name}`, `backend=${listing.backend}`);
  return { gpu: await instance(flags), listing };
}

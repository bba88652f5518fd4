/**
 * Opens a device: asks the implementation (dawn.ts) for an adapter, and the adapter for all the limits and features
 * that kernels make use of.
 */

import { forgetDevice, rememberDevice } from '../gpu/default-device.js';
import { Device } from '../gpu/device.js';
import type { DeviceInfo } from '../gpu/device-info.js';
import { badArgument, checkList, checkNumber, checkObject, checkText } from '../platform/arguments.js';
import { LockstepError } from '../platform/errors.js';
import { checkOptionNames } from '../platform/options.js';
import { platformName } from '../platform/platform.js';
import { type AdapterListing, implementation, requestAdapter } from './dawn.js';
import { noAdapterMessage } from './no-adapter.js';

/** Limits raised to the adapter's maximum by default; the others stay at WebGPU's defaults. */
const RAISED_LIMITS = [
  'maxStorageBufferBindingSize',
  'maxBufferSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupStorageSize',
  'maxStorageBuffersPerShaderStage',
] as const;

/** Features taken where the adapter has them. */
const WANTED_FEATURES: readonly GPUFeatureName[] = ['subgroups', 'timestamp-query', 'shader-f16'];

const SUBGROUP_MATRICES = 'chromium-experimental-subgroup-matrix' as GPUFeatureName;

/**
 * Options with which {@link openDevice} asks Dawn for subgroup matrices, which the training kernel `tiles-f16` needs. They are an
 * experiment of Dawn's and behind its switch for unsafe features. Where there are none, the device is opened without them.
 *
 * @example
 * const device = await openDevice(subgroupMatrices);
 * console.log(device.info.subgroupMatrices ?? 'no subgroup matrices here');
 */
export const subgroupMatrices: Readonly<Pick<OpenOptions, 'toggles' | 'wantedFeatures'>> = {
  toggles: ['allow_unsafe_apis'],
  wantedFeatures: [...WANTED_FEATURES, SUBGROUP_MATRICES],
};

const CPU_DRIVERS = /llvmpipe|lavapipe|swiftshader|basic render/i;

/** Options of {@link openDevice}. */
export interface OpenOptions {
  /** A device of the caller's: it is used, and never destroyed. The other options are ignored. */
  device?: GPUDevice;
  /** Part of the name of the adapter to use, in any case; see {@link listAdapters}. Only in Node. */
  adapter?: string;
  powerPreference?: GPUPowerPreference;
  /** Features without which `openDevice` throws. */
  requiredFeatures?: readonly GPUFeatureName[];
  /** Features to take where the adapter has them. Default: `subgroups`, `timestamp-query` and `shader-f16`. */
  wantedFeatures?: readonly GPUFeatureName[];
  /**
   * `max` (default): the adapter's maximum of the limits that kernels make use of; `default`: WebGPU's defaults; or
   * limits by name, without which `openDevice` throws.
   */
  requiredLimits?: 'max' | 'default' | Readonly<Record<string, number>>;
  /** Dawn toggles to enable, with a leading `!` to disable. Only in Node. */
  toggles?: readonly string[];
}

/**
 * Opens a device: Dawn (package `webgpu`) in Node, `navigator.gpu` in a browser. The first device that is opened is
 * the default of tensors.
 *
 * @throws LockstepError `no-adapter` with what to install, `unsupported` where the adapter lacks what is required.
 * @example
 * const device = await openDevice();
 * console.log(device.info.description, device.limits.maxBufferSize);
 * device.destroy();
 */
export async function openDevice(options: OpenOptions = {}): Promise<Device> {
  checkOpenOptions(options);
  if (options.device) {
    const info = (options.device as { adapterInfo?: GPUAdapterInfo }).adapterInfo;
    return remember(new Device(options.device, describe(options.device, info), false, forgetDevice));
  }
  const { adapter, listing } = await findAdapter(options);
  const device = await adapter.requestDevice({
    label: 'lockstep-gpu',
    requiredFeatures: features(
      adapter,
      options.requiredFeatures ?? [],
      options.wantedFeatures ?? WANTED_FEATURES,
    ),
    requiredLimits: limits(adapter, options.requiredLimits ?? 'max'),
  });
  adapters.set(device, adapter);
  const opened = new Device(device, describe(device, adapter.info, listing), true, forgetDevice);
  openedWith.set(opened, options);
  return remember(opened);
}

const openedWith = new WeakMap<Device, OpenOptions>();

/**
 * Opens a device as another one was opened, which was lost.
 *
 * @throws LockstepError as {@link openDevice}; `unsupported` where it finds another adapter, and `bad-input` for a device made
 * of the caller's `GPUDevice`.
 */
export async function reopen(lost: Device): Promise<Device> {
  const options = openedWith.get(lost);
  if (!options)
    throw new LockstepError('bad-input', 'reopen: the device was not opened by openDevice() alone.');
  const device = await openDevice(options);
  const [was, is] = [lost, device].map(({ info }) => info.device || info.description);
  if (was === is) return device;
  device.destroy();
  throw new LockstepError('unsupported', `reopen: the device was on "${was}"; now there is "${is}".`);
}

const OPTIONS = [
  'device',
  'adapter',
  'powerPreference',
  'requiredFeatures',
  'wantedFeatures',
  'requiredLimits',
  'toggles',
];

function checkOpenOptions(options: OpenOptions): void {
  const where = 'openDevice';
  checkOptionNames(where, options, OPTIONS);
  const { device, adapter, powerPreference, requiredLimits } = options;
  if (device !== undefined && typeof device?.createBuffer !== 'function') {
    const fits = (device as unknown) instanceof Device ? 'it is open already' : 'a GPUDevice of yours fits';
    throw badArgument(where, 'the device', device, fits);
  }
  if (adapter !== undefined) checkText(where, 'adapter', adapter);
  if (powerPreference !== undefined) {
    checkText(where, 'powerPreference', powerPreference, ['low-power', 'high-performance']);
  }
  for (const name of ['requiredFeatures', 'wantedFeatures', 'toggles'] as const) {
    const list = options[name];
    if (list === undefined) continue;
    checkList(where, name, list, 'a list of names fits');
    for (const each of list) checkText(where, `an element of ${name}`, each);
  }
  if (requiredLimits === undefined) return;
  if (typeof requiredLimits === 'string')
    checkText(where, 'requiredLimits', requiredLimits, ['max', 'default']);
  else {
    checkObject(where, 'requiredLimits', requiredLimits, "'max', 'default' or limits by name fit");
    for (const [name, limit] of Object.entries(requiredLimits)) {
      checkNumber(where, `the limit ${name}`, limit, { min: 0, whole: true });
    }
  }
}

/** Keeps an adapter reachable as long as its device: Dawn crashes when it is collected earlier. */
const adapters = new WeakMap<GPUDevice, GPUAdapter>();

function remember(device: Device): Device {
  rememberDevice(device);
  return device;
}

async function findAdapter({
  adapter: name,
  powerPreference,
  toggles,
}: OpenOptions): Promise<{ adapter: GPUAdapter; listing?: AdapterListing }> {
  const found = await implementation(name, toggles);
  let adapter: GPUAdapter | null = null;
  let cause: unknown;
  try {
    adapter = await requestAdapter(found.gpu, { powerPreference });
  } catch (error) {
    cause = error; // Dawn throws where the standard says null
  }
  if (!adapter) throw new LockstepError('no-adapter', noAdapterMessage(platformName()), { cause });
  return { adapter, listing: found.listing };
}

function features(
  adapter: GPUAdapter,
  required: readonly GPUFeatureName[],
  wanted: readonly GPUFeatureName[],
): GPUFeatureName[] {
  const missing = required.filter((name) => !adapter.features.has(name));
  if (missing.length > 0) {
    throw new LockstepError(
      'unsupported',
      `The adapter "${adapter.info.description || adapter.info.device}" lacks ${missing.join(', ')}. It has ` +
        `${[...adapter.features].join(', ') || 'no features'}.`,
    );
  }
  const taken = wanted.filter((name) => adapter.features.has(name));
  return [...new Set<GPUFeatureName>([...taken, ...required])];
}

function limits(
  adapter: GPUAdapter,
  required: NonNullable<OpenOptions['requiredLimits']>,
): Record<string, number> {
  const has = adapter.limits as unknown as Record<string, number | undefined>;
  if (required === 'default') return {};
  if (required === 'max') {
    return Object.fromEntries(
      RAISED_LIMITS.map((name) => [name, has[name] ?? 0]).filter(([, limit]) => limit !== 0),
    );
  }
  for (const [name, limit] of Object.entries(required)) {
    const most = has[name];
    if (most === undefined) throw new LockstepError('bad-input', `WebGPU has no limit "${name}".`);
    if (name.startsWith('min') ? most > limit : most < limit) {
      throw new LockstepError(
        'unsupported',
        `The limit ${name} = ${limit} was required; this adapter has ${most}.`,
      );
    }
  }
  return { ...required };
}

function describe(device: GPUDevice, info?: GPUAdapterInfo, listing?: AdapterListing): DeviceInfo {
  const subgroups = device.features.has('subgroups');
  const names = `${info?.architecture} ${info?.device} ${info?.description} ${listing?.name}`;
  return {
    vendor: info?.vendor ?? '',
    architecture: info?.architecture ?? '',
    device: listing?.name || info?.device || '',
    description: info?.description ?? '',
    backend: listing?.backend,
    subgroupMinSize: subgroups ? (info?.subgroupMinSize ?? 0) : 0,
    subgroupMaxSize: subgroups ? (info?.subgroupMaxSize ?? 0) : 0,
    ...(device.features.has(SUBGROUP_MATRICES) && { subgroupMatrices: matricesOf(info) }),
    isCpu: CPU_DRIVERS.test(names),
  };
}

/** What Dawn adds to the adapter's info. */
interface MatrixInfo {
  subgroupMatrixConfigs?: Iterable<
    Record<'M' | 'N' | 'K', number> & Record<'componentType' | 'resultComponentType', string>
  >;
}

const matricesOf = (info?: GPUAdapterInfo & MatrixInfo): string[] =>
  [...(info?.subgroupMatrixConfigs ?? [])].map(
    ({ M, N, K, componentType, resultComponentType }) =>
      `${M} x ${N} x ${K}, ${componentType} to ${resultComponentType}`,
  );

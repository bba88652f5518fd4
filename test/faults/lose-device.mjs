// Loaded into the program before itself (`node --import`): the devices that it opens are lost, each some time after it was
// opened, as LOCKSTEP_FAULT says: `[40,700]` is 40 ms after the first was opened and 700 ms after the second.
import { globals } from 'webgpu';

const waits = JSON.parse(process.env.LOCKSTEP_FAULT ?? '[]');
const { prototype } = /** @type {{ GPUAdapter: { prototype: GPUAdapter } }} */ (globals).GPUAdapter;
const { requestDevice } = prototype;

prototype.requestDevice = async function (/** @type {GPUDeviceDescriptor | undefined} */ descriptor) {
  const device = await requestDevice.call(this, descriptor);
  const wait = waits.shift();
  if (wait !== undefined) setTimeout(() => device.destroy(), wait).unref();
  return device;
};

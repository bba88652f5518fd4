/**
 * `npm run test:drivers [-- NAME]`: the tests of same bits and of the float64 oracles on each CPU driver that a machine without a GPU
 * can have: lavapipe with subgroups of 4 and of 8 lanes, and Chromium's SwiftShader, or only on those with NAME in their name.
 * `npm test` has one of them. Takes a quarter of an hour on each; Linux. What is not installed is said and left out.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const TESTS = [
  ...['same-bits', 'tile-texts'].map((name) => `test/lockstep/${name}.test.ts`),
  ...['oracle', 'bce', 'scoring'].map((name) => `test/kernels/train/${name}.test.ts`),
  ...['oracle', 'schedules'].map((name) => `test/lockstep/network/${name}.test.ts`),
];
/** In milliseconds: for 4 lanes a kernel compiles for up to five minutes. */
const PATIENCE = ['--testTimeout=1200000', '--hookTimeout=1200000'];

/** @param {string[]} paths */
const placeOf = (paths) => paths.find(existsSync);
const LAVAPIPE = placeOf([
  '/usr/share/vulkan/icd.d/lvp_icd.json',
  '/usr/share/vulkan/icd.d/lvp_icd.x86_64.json',
]);
const SWIFTSHADER = placeOf([
  '/usr/lib/chromium/vk_swiftshader_icd.json',
  '/opt/google/chrome/vk_swiftshader_icd.json',
]);

/** A lane has 32 bits. `says`: a part of the name that the library gives the adapter. */
const DRIVERS = [
  { name: 'lavapipe, 4 lanes', driver: LAVAPIPE, env: { LP_NATIVE_VECTOR_WIDTH: '128' }, says: '128 bits' },
  { name: 'lavapipe, 8 lanes', driver: LAVAPIPE, env: { LP_NATIVE_VECTOR_WIDTH: '256' }, says: '256 bits' },
  { name: 'SwiftShader', driver: SWIFTSHADER, env: {}, says: 'SwiftShader' },
];

const ADAPTER = `
  import { openDevice } from 'lockstep-gpu';
  const { info } = await openDevice();
  console.log(info.device + ' ' + info.description);
  process.exit(0);
`;

const [wanted = ''] = process.argv.slice(2);
const chosen = DRIVERS.filter(({ name }) => name.toLowerCase().includes(wanted.toLowerCase()));
if (chosen.length === 0) {
  console.log(`No driver is named ${wanted}; there are ${DRIVERS.map(({ name }) => name).join('; ')}.`);
}
let failed = chosen.length === 0;
for (const { name, driver, env, says } of chosen) {
  if (driver === undefined) {
    console.log(`${name}: not installed`);
    continue;
  }
  const on = { ...process.env, ...env, VK_DRIVER_FILES: driver };
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', ADAPTER], {
    env: on,
    encoding: 'utf8',
  });
  const isIt = stdout.replaceAll('-', ' ').toLowerCase().includes(says.toLowerCase());
  console.log(`${name}: ${stdout.trim()}`);
  if (!isIt) console.log(`${name}: another adapter was opened`);
  const { status } = spawnSync('npx', ['vitest', 'run', ...PATIENCE, ...TESTS], {
    env: on,
    stdio: 'inherit',
  });
  failed ||= !isIt || status !== 0;
}
process.exitCode = failed ? 1 : 0;

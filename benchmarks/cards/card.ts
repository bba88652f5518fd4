/**
 * Opens a graphics card that is not there. Debian's package `mesa-drm-shim` answers Mesa's AMD driver as the kernel's part of
 * it would: the driver compiles for that card with the compiler that real ones are given, and carries nothing out. The
 * preload and the driver's settings are the child's alone.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { Outcome } from './child.js';
import { type Compiled, statisticsOf } from './statistics.js';

/** Cards that differ: two generations of RDNA, its integrated offspring, and two of GCN, which have half the registers. */
export const CARDS = {
  navi31: 'RX 7900 XTX (RDNA 3)',
  navi21: 'RX 6800 (RDNA 2)',
  gfx1150: 'Radeon 890M, integrated (RDNA 3.5)',
  vega10: 'RX Vega (GCN 5)',
  polaris10: 'RX 580 (GCN 4)',
} as const;
export type Card = keyof typeof CARDS;

const SHIM = '/usr/lib/x86_64-linux-gnu/libamdgpu_noop_drm_shim.so';
const DRIVER = ['radeon_icd.json', 'radeon_icd.x86_64.json']
  .map((name) => join('/usr/share/vulkan/icd.d', name))
  .find(existsSync);

/** Why no card can be faked here, in a sentence; undefined where it can. */
export function noCards(): string | undefined {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'faked cards need Linux on x86-64.';
  if (!existsSync(SHIM))
    return `${SHIM} is not there: apt-get install mesa-drm-shim (on Debian 12 from bookworm-backports).`;
  return DRIVER === undefined
    ? 'Mesa’s AMD driver is not there: apt-get install mesa-vulkan-drivers.'
    : undefined;
}

const JITI = join(dirname(createRequire(import.meta.url).resolve('jiti/package.json')), 'lib/jiti-cli.mjs');
const CHILD = fileURLToPath(new URL('./child.ts', import.meta.url));
/** Far beyond the seconds that it takes. */
const TIMEOUT_MS = 180_000;

/** What came of the work on a card. */
export interface OnCard extends Outcome {
  card: Card;
  pipelines: Compiled[];
  /** All that the driver printed. */
  printed: string;
}

/** Does the work of child.ts on a card. `assembly`: the driver prints the machine code too. */
export async function onCard(
  card: Card,
  args: readonly string[] = [],
  { assembly = false } = {},
): Promise<OnCard> {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-card-'));
  const env = {
    ...process.env,
    LD_PRELOAD: SHIM,
    AMDGPU_GPU_ID: card,
    VK_DRIVER_FILES: DRIVER,
    RADV_DEBUG: `shaderstats,nocache${assembly ? ',asm' : ''}`,
    // Nor is it remembered which kernel was the fastest where none does anything.
    XDG_CACHE_HOME: folder,
  };
  // A file, for a driver that prints faster than a pipe is read loses what does not fit.
  const file = join(folder, 'printed');
  const stderr = openSync(file, 'w');
  try {
    const child = spawn(process.execPath, [JITI, CHILD, ...args], {
      env,
      timeout: TIMEOUT_MS,
      stdio: ['ignore', 'pipe', stderr],
    });
    const told = text(child.stdout!);
    const [code] = await once(child, 'close');
    const printed = readFileSync(file, 'utf8');
    if (code !== 0) throw new Error(`${card}: the process ended with ${code}:\n${printed.slice(-2000)}`);
    return { ...(JSON.parse(await told) as Outcome), card, pipelines: statisticsOf(printed), printed };
  } finally {
    closeSync(stderr);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs `profile`: profiles a piece of work or a user's file, then prints the report and writes the requested files. */
import { writeFileSync } from 'node:fs';
import { openDevice } from '../adapter/open.js';
import { LockstepError } from '../platform/errors.js';
import { chromeTrace } from '../profiler/chrome-trace.js';
import { kernelsPiece } from '../report/kernel-cases.js';
import { fineTimestamps } from '../report/open.js';
import { profilePage } from '../report/page.js';
import { benchPiece, type Piece, stepPiece } from '../report/pieces.js';
import { profilePiece, type Taken } from '../report/profile-piece.js';
import { profileScript } from '../report/script.js';
import { writeWgsl } from '../report/wgsl-files.js';
import { out, say } from './outlets.js';
import type { ProfileFlags } from './profile-flags.js';
import { profileText } from './profile-table.js';
import { colorsFor } from './style.js';

const PIECES: Readonly<Record<string, (flags: ProfileFlags) => Piece | Promise<Piece>>> = {
  step: stepPiece,
  bench: benchPiece,
  kernels: kernelsPiece,
};

/** While `run` runs, what it prints on standard output goes to standard error: standard output is for the report. */
async function printingToStderr<T>(run: () => Promise<T>): Promise<T> {
  const { write } = process.stdout;
  process.stdout.write = process.stderr.write.bind(process.stderr);
  try {
    return await run();
  } finally {
    process.stdout.write = write;
  }
}

async function take(what: string, args: readonly string[], flags: ProfileFlags): Promise<Taken> {
  if (/\.[cm]?[jt]s$/.test(what)) {
    const script = () => profileScript(what, args, flags.adapter);
    return flags.json ? printingToStderr(script) : script();
  }
  const make = Object.hasOwn(PIECES, what) ? PIECES[what] : undefined;
  if (!make || args.length > 0) {
    const names = Object.keys(PIECES).join(', ');
    const problem = make ? `${what} takes no arguments` : `Unknown piece '${what}'`;
    throw new LockstepError('bad-input', `${problem}; there are ${names}, and your own .ts or .js file.`);
  }
  const piece = await make(flags);
  const device = await openDevice(fineTimestamps({ adapter: flags.adapter }));
  try {
    return await profilePiece(device, piece, (doing) => say(`${doing} …`));
  } finally {
    piece.close?.();
  }
}

function write(file: string, text: string, what: string): void {
  writeFileSync(file, text);
  say(`wrote ${file}: ${what}`);
}

/** Profiles a piece or a file. */
export async function runProfile(what: string, args: readonly string[], flags: ProfileFlags): Promise<void> {
  const { report, profile, device } = await take(what, args, flags);
  try {
    const { json, trace, html, wgsl, sort, top } = flags;
    const text = json
      ? JSON.stringify(report, null, 2)
      : profileText(report, sort, top, colorsFor(process.stdout));
    out(text);
    if (trace !== undefined) {
      write(trace, JSON.stringify(chromeTrace(profile)), 'open it in ui.perfetto.dev or chrome://tracing');
    }
    if (html !== undefined) write(html, profilePage(report, profile), 'open it in a browser');
    if (wgsl !== undefined) say(`wrote ${writeWgsl(wgsl, device.pipelines).length} shaders to ${wgsl}`);
  } finally {
    device.destroy();
  }
}

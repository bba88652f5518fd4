/**
 * Times kernel launches by the host's clock, for devices without timestamps. Each launch is sent to the device alone, when the
 * one before it is done. So submits, uploads, maps and the destruction of buffers wait for their turn in one queue. This is
 * slow, and a kernel's time includes the way to the device and back.
 */
import type { Launch, Part, RecordingObserver, Send } from '../gpu/observer.js';
import { type Launched, LaunchNotes } from './launch-notes.js';
import type { TimedLaunch, Timer, Timing } from './timer.js';

export class HostTimer implements Timer {
  readonly #queue: GPUQueue;
  #line: Promise<void> = Promise.resolve();
  #waiting = 0;
  readonly #launches: TimedLaunch[] = [];

  constructor(gpu: GPUDevice) {
    this.#queue = gpu.queue;
  }

  async start(): Promise<void> {}

  recording(): RecordingObserver {
    return new Recording((parts, launched, send) => this.#submit(parts, launched, send));
  }

  get behind(): boolean {
    return this.#waiting > 0;
  }

  /** Calls `work` after everything that is in the queue. */
  later(work: () => void | Promise<void>): void {
    this.#waiting++;
    this.#line = this.#line.then(work).finally(() => {
      this.#waiting--;
    });
    this.#line.catch(() => {}); // it throws where it is awaited
  }

  sent(): Promise<void> {
    return this.#line;
  }

  #submit(parts: readonly Part[], launched: ReadonlyMap<Launch, Launched>, send: Send): void {
    const submitted = performance.now();
    this.later(async () => {
      for (const part of parts) {
        const start = performance.now();
        send([part]);
        const what = part.launch && launched.get(part.launch);
        if (!what) continue;
        await this.#queue.onSubmittedWorkDone();
        this.#launches.push({ ...what, start, end: performance.now(), submitted });
      }
    });
  }

  async finish(): Promise<{ launches: TimedLaunch[]; timing: Timing }> {
    await this.#line;
    const zero = this.#launches.filter(({ start, end }) => end <= start).length;
    const timing: Timing = { clock: 'host', resolutionUs: 1, anchorUs: 0, zero, negative: 0 };
    return { launches: this.#launches, timing };
  }

  destroy(): void {}
}

/** The launches of one recorder, each a part of its own. */
class Recording implements RecordingObserver {
  readonly apart = true;
  readonly #submit: (parts: readonly Part[], launched: ReadonlyMap<Launch, Launched>, send: Send) => void;
  readonly #notes = new LaunchNotes();
  readonly #launched = new Map<Launch, Launched>();

  constructor(submit: (parts: readonly Part[], launched: ReadonlyMap<Launch, Launched>, send: Send) => void) {
    this.#submit = submit;
  }

  launched(launch: Launch): undefined {
    this.#launched.set(launch, this.#notes.take(launch));
  }

  finishing(): void {}

  submit(parts: readonly Part[], send: Send): void {
    this.#notes.divide();
    this.#submit(parts, this.#launched, send);
  }
}

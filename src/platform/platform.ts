/** Which JavaScript runtime this is, and what a page tells of itself. It loads nothing and knows no devices. */

/** `process.platform`, or `browser`. */
export function platformName(): string {
  return typeof process === 'object' && process.versions?.node ? process.platform : 'browser';
}

/**
 * Whether WebGPU is Dawn as an add-on of Node's, which Bun loads as well. Browsers and Deno bring their own: Deno calls
 * itself Node in `process.versions`, but its WebGPU is behind `navigator.gpu` and waits in its own way.
 */
export const hasDawnAddOn = (): boolean => platformName() !== 'browser' && !('Deno' in globalThis);

/** What a page (or a worker of one) says about where it came from and what shows it. */
export interface PageFacts {
  /** False where the browser says that the page came by a way on which it could have been changed. */
  isSecureContext: boolean;
  /** As `http://192.168.1.7:8080`; empty where there is none. */
  origin: string;
  userAgent: string;
}

/** The facts of this page; where a value is missing, the one that excludes nothing. */
export function pageFacts(): PageFacts {
  const page = globalThis as {
    isSecureContext?: boolean;
    location?: { origin?: string };
    navigator?: { userAgent?: string };
  };
  return {
    isSecureContext: page.isSecureContext !== false,
    origin: page.location?.origin ?? '',
    userAgent: page.navigator?.userAgent ?? '',
  };
}

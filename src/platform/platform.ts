/** Tells which JavaScript runtime this is, and what a browser says about the page. */

/** `process.platform`, or `browser`. */
export function platformName(): string {
  return typeof process === 'object' && process.versions?.node ? process.platform : 'browser';
}

/**
 * Whether WebGPU is Dawn as an add-on of Node's, which Bun loads as well. Browsers and Deno bring their own: Deno calls
 * itself Node in `process.versions`, but its WebGPU is behind `navigator.gpu` and waits in its own way.
 */
export const hasDawnAddOn = (): boolean => platformName() !== 'browser' && !('Deno' in globalThis);

/** Where a page (or its worker) came from, and which browser shows it. */
export interface PageFacts {
  /** False where the page was loaded insecurely, as by plain http. */
  isSecureContext: boolean;
  /** As `http://192.168.1.7:8080`; empty where there is none. */
  origin: string;
  userAgent: string;
}

/** The facts of this page. A value that the browser does not tell is taken as the one that excludes nothing. */
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

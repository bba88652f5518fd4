/** Which JavaScript runtime this is. It loads nothing and knows no devices. */

/** `process.platform`, or `browser`. */
export function platformName(): string {
  return typeof process === 'object' && process.versions?.node ? process.platform : 'browser';
}

/** Loads modules that only Node has, in such a way that bundlers for browsers do not look for them. */

/** A module of Node by its name without `node:`, as `fs`. Call it only in Node. */
export function nodeModule<T>(name: string): Promise<T> {
  const specifier = ['node', name].join(':'); // not a literal: that is what bundlers follow
  return import(/* webpackIgnore: true */ /* @vite-ignore */ specifier);
}

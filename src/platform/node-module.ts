/** Loads modules that only Node has, so that bundlers for browsers do not follow them. It knows none of them. */

/** A module of Node's by its name without `node:`, as `fs`. To be called where it is known that this is Node. */
export function nodeModule<T>(name: string): Promise<T> {
  const specifier = ['node', name].join(':'); // not a literal: that is what bundlers follow
  return import(/* webpackIgnore: true */ /* @vite-ignore */ specifier);
}

/** Compiles the package's WebAssembly, which is written as text (*.wat) and assembled by scripts/assemble.mjs. */

/** @throws where WebAssembly is missing, forbidden, or lacks what the module needs. */
export function compile(base64: string): WebAssembly.Module {
  return new WebAssembly.Module(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)));
}

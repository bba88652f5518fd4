/** Methods of objects that are replaced for a while, and put back as they were. */

export class Patches {
  readonly #undo: (() => void)[] = [];

  /** Replaces `object[name]` by what `make` makes of the original, which is bound to the object. */
  replace<T extends object, K extends keyof T>(object: T, name: K, make: (original: T[K]) => T[K]): void {
    const own = Object.getOwnPropertyDescriptor(object, name);
    const original = (object[name] as (...args: unknown[]) => unknown).bind(object) as T[K];
    Object.defineProperty(object, name, { value: make(original), configurable: true, writable: true });
    this.#undo.push(() => {
      if (own) Object.defineProperty(object, name, own);
      else delete object[name];
    });
  }

  /** The same for a method of a prototype: `make` gets the original, to be called with a `this`. */
  replaceMethod<T extends object, K extends keyof T>(
    prototype: T,
    name: K,
    make: (original: T[K]) => T[K],
  ): void {
    const own = Object.getOwnPropertyDescriptor(prototype, name)!;
    Object.defineProperty(prototype, name, { ...own, value: make(own.value) });
    this.#undo.push(() => Object.defineProperty(prototype, name, own));
  }

  /** Puts everything back, the last replacement first. */
  restore(): void {
    for (const undo of this.#undo.reverse()) undo();
    this.#undo.length = 0;
  }
}

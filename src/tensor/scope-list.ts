/** The list of what the innermost scope has made, which every new tensor enters. What a scope frees, scope.ts decides. */

let innermost: Set<object> | undefined;

/** Called for every new tensor. */
export function enterScope(tensor: object): void {
  innermost?.add(tensor);
}

/** Makes `list` the one that new tensors enter, and returns the one before. */
export function exchangeScope(list: Set<object> | undefined): Set<object> | undefined {
  const before = innermost;
  innermost = list;
  return before;
}

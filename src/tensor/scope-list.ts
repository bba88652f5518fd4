/** The list of the tensors that were made in the innermost scope. scope.ts decides which of them are freed. */

let innermost: Set<object> | undefined;

/** Enters a new tensor into the list. Called for every tensor. */
export function enterScope(tensor: object): void {
  innermost?.add(tensor);
}

/** Makes `list` the one that new tensors enter. Returns the list before. */
export function exchangeScope(list: Set<object> | undefined): Set<object> | undefined {
  const before = innermost;
  innermost = list;
  return before;
}

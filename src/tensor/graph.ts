/**
 * A tensor's link to the operation that made it, and the order in which operations were recorded. The operations
 * themselves and the pass back through them are in src/autograd.
 */

/** The operation that made a tensor, as far as tensors and scopes know it. `T` is the tensor. */
export interface GraphNode<T> {
  readonly name: string;
  /** Its number, from {@link nextSerial}: operations recorded before a scope began have smaller ones. */
  readonly serial: number;
  /** The operations that a backward pass goes on to. */
  parents(): readonly GraphNode<T>[];
  /** The tensors that a backward pass through this operation needs. */
  tensors(): readonly T[];
}

let serial = 0;

/** A number for a new node. */
export const nextSerial = (): number => ++serial;

/** The number of the newest node. */
export const lastSerial = (): number => serial;

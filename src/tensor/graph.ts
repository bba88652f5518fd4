/**
 * What tensors know of graphs: the node that made one, and the room above that records, clones and goes back. No
 * operation and no rule.
 */
import { LockstepError } from '../platform/errors.js';
import type { Tensor } from './tensor.js';

/** Options of {@link Tensor.backward}. */
export interface BackwardOptions {
  /** The gradient of what is being minimized by this tensor; required unless it has one element. Default: ones. */
  gradient?: Tensor;
  /** Keep the graph and its intermediate results, to go back through it again. Default false. */
  retainGraph?: boolean;
}

/** The operation that made a tensor, as the tensor knows it. The autograd room implements it. */
export interface GraphNode {
  readonly name: string;
  /** From {@link nextSerial}: tells what was recorded before a scope began. */
  readonly serial: number;
  /** The operations that a backward pass goes on to. */
  parents(): readonly GraphNode[];
  /** The tensors that a backward pass through this operation needs. */
  tensors(): readonly Tensor[];
}

let serial = 0;

/** A number for a new node. */
export const nextSerial = (): number => ++serial;

/** The newest node's. */
export const lastSerial = (): number => serial;

/** What tensors leave to the autograd room, which lies above them. */
export interface Autograd {
  /** A recorded copy; `copyMemory` makes it where the tensor is dense. */
  clone(source: Tensor, copyMemory: () => Tensor): Tensor;
  backward(root: Tensor, options: BackwardOptions): void;
}

/** Until that room is loaded, with the first operation: there is nothing to record. */
let room: Autograd = {
  clone: (_source, copyMemory) => copyMemory(),
  backward: () => {
    throw new LockstepError('bad-input', 'backward(): no operation has been used yet.');
  },
};

/** Called once, by the autograd room. */
export function defineAutograd(autograd: Autograd): void {
  room = autograd;
}

/** What is loaded of it. */
export const autograd = (): Autograd => room;

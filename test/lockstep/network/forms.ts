/** Has the trainer take one form of its kernel until the mocks are restored. */
import { vi } from 'vitest';
import { NetworkKernel, type NetworkKernelKind } from '../../../src/kernels/network/kernel.js';

const { create } = NetworkKernel;

export type Form = 'lanes' | 'blocks';

/** @param kind What all kernels are, so that one is compiled for runs that would have several. */
export function useForm(form: Form, kind: Partial<NetworkKernelKind> = {}): void {
  vi.spyOn(NetworkKernel, 'create').mockImplementation((device, wanted) =>
    create.call(NetworkKernel, device, { ...wanted, ...kind }, form),
  );
}

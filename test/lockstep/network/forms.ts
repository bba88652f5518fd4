/** Has the trainer take one form of its kernel until the mocks are restored. */
import { vi } from 'vitest';
import { NetworkKernel } from '../../../src/kernels/network/kernel.js';

const { create } = NetworkKernel;

export type Form = 'lanes' | 'blocks';

export function useForm(form: Form): void {
  vi.spyOn(NetworkKernel, 'create').mockImplementation((device, sampler) =>
    create.call(NetworkKernel, device, sampler, form),
  );
}

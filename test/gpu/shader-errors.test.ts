// The error about a shader that does not compile shows the WGSL around the place.
import { describe, expect, it } from 'vitest';
import { openDevice } from '../../src/adapter/open.js';
import { excerpt, shaderError } from '../../src/gpu/shader-errors.js';

const code = ['one', 'two', '\tlet three = 3.0;', 'four', 'five', 'six'].join('\n');

describe('excerpt', () => {
  it('shows two lines on each side and a caret under the place, tabs kept', () => {
    const message = { type: 'error', message: 'no', lineNum: 3, linePos: 6, length: 5 };
    expect(excerpt(code, message)).toBe(
      [
        '  1 | one',
        '  2 | two',
        '  3 | \tlet three = 3.0;',
        '    | \t    ^^^^^',
        '  4 | four',
        '  5 | five',
      ].join('\n'),
    );
  });

  it('stays within the code at its ends', () => {
    const at = (lineNum: number) =>
      excerpt(code, { type: 'error', message: '', lineNum, linePos: 1, length: 0 });
    expect(at(1).split('\n')).toHaveLength(4);
    expect(at(6).split('\n')).toHaveLength(4);
    expect(at(0)).toBe('');
  });
});

describe('shaderError', () => {
  it('lists errors and leaves warnings out', () => {
    const error = shaderError('k', code, [
      { type: 'warning', message: 'beware', lineNum: 1, linePos: 1, length: 1 },
      { type: 'error', message: 'wrong', lineNum: 2, linePos: 1, length: 3 },
    ]);
    expect(error.code).toBe('shader');
    expect(error.message).toContain('line 2, column 1: wrong');
    expect(error.message).not.toContain('beware');
  });

  it("falls back on the cause's words", () => {
    expect(shaderError('k', code, [], new Error('entry point "x" not found')).message).toContain(
      'entry point "x"',
    );
  });

  it('names the options that the code was made from', () => {
    const error = shaderError('k', code, [], 'cause', { perThread: 8, bias: true });
    expect(error.message).toContain('The shader "k", made for perThread = 8, bias = true, did not compile.');
  });
});

it('a kernel without the entry point that is asked for is told so, in words', async () => {
  const gpu = await openDevice();
  const descriptor = { label: 'lost', code: '@compute @workgroup_size(1) fn other() {}' };
  await expect(gpu.pipeline(descriptor)).rejects.toThrow(/entry point/i);
  gpu.pipelineNow(descriptor);
  await expect(gpu.sync()).rejects.toThrow(/entry point/i);
  gpu.destroy();
});

/**
 * Turns the compiler's messages about a shader into an error that shows the lines of WGSL that they are about.
 */
import { LockstepError } from '../platform/errors.js';

/** Lines of WGSL shown on each side of a message. */
const CONTEXT_LINES = 2;

/** The part of a GPUCompilationMessage that is shown. */
interface ShaderMessage {
  type: string;
  message: string;
  /** From 1; 0 where the message is about no line. */
  lineNum: number;
  linePos: number;
  length: number;
}

/** The lines of WGSL around a message, numbered, with carets under the place. */
export function excerpt(code: string, { lineNum, linePos, length }: ShaderMessage): string {
  if (lineNum === 0) return '';
  const lines = code.split('\n');
  const first = Math.max(1, lineNum - CONTEXT_LINES);
  const last = Math.min(lines.length, lineNum + CONTEXT_LINES);
  const width = String(last).length;
  const shown: string[] = [];
  for (let line = first; line <= last; line++) {
    shown.push(`  ${String(line).padStart(width)} | ${lines[line - 1]}`.trimEnd());
    if (line === lineNum) {
      const before = lines[line - 1].slice(0, Math.max(0, linePos - 1)).replace(/[^\t]/g, ' ');
      shown.push(`  ${' '.repeat(width)} | ${before}${'^'.repeat(Math.max(1, length))}`);
    }
  }
  return shown.join('\n');
}

/** `a = 1, b = true`. */
export const listOptions = (options: Readonly<Record<string, unknown>>): string =>
  Object.entries(options)
    .map(([name, value]) => `${name} = ${value}`)
    .join(', ');

/**
 * The error for a shader that did not compile. `label` is the kernel's name, `options` what its code was made from. Without
 * messages of type `error`, the text is that of `cause`.
 */
export function shaderError(
  label: string,
  code: string,
  messages: readonly ShaderMessage[],
  cause?: unknown,
  options: Readonly<Record<string, unknown>> = {},
): LockstepError {
  const errors = messages.filter(({ type }) => type === 'error');
  const parts = errors.map((message) => {
    const where = message.lineNum > 0 ? `line ${message.lineNum}, column ${message.linePos}: ` : '';
    return `${where}${message.message}\n${excerpt(code, message)}`.trimEnd();
  });
  // A GPUValidationError is no Error, but has a message.
  const { message } = (cause ?? {}) as { message?: unknown };
  if (parts.length === 0) parts.push(typeof message === 'string' ? message.trim() : String(cause));
  const made = listOptions(options);
  const variant = made ? `, made for ${made},` : '';
  const text = `The shader "${label}"${variant} did not compile.\n${parts.join('\n')}`;
  return new LockstepError('shader', text, { cause });
}

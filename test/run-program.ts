/**
 * Runs a program that is at hand as text: a guide's, or an example with fewer steps. It is compiled as a module whose imports
 * are looked up in what the caller gives, then among the installed packages. No assertions.
 */
import { createRequire } from 'node:module';
import ts from 'typescript';

const installed = createRequire(import.meta.url);

/** @param modules What the program imports, by the name that it imports from. */
export async function runProgram(source: string, modules: Record<string, unknown>): Promise<void> {
  const { target, module } = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.CommonJS };
  const code = ts.transpile(source, { target, module, esModuleInterop: true });
  const AsyncFunction = (async () => {}).constructor as new (
    ...text: string[]
  ) => (require: (name: string) => unknown, exports: object) => Promise<void>;
  await new AsyncFunction('require', 'exports', code)((name) => modules[name] ?? installed(name), {});
}

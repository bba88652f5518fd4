/**
 * What is wrong with a manifest for Kubernetes, by the types that were made of the API's published schema (package
 * `kubernetes-types`): unknown fields, missing ones, and values of another kind. No assertions.
 */
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const FILE = fileURLToPath(new URL('manifest.ts', import.meta.url));
const OPTIONS: ts.CompilerOptions = {
  ...{ noEmit: true, strict: true, skipLibCheck: true, types: [] },
  ...{ module: ts.ModuleKind.NodeNext, target: ts.ScriptTarget.ES2022, lib: ['lib.es5.d.ts'] },
};

/** @param module Of the package, as `batch/v1`; it exports `kind`. */
export function manifestProblems(module: string, kind: string, manifest: unknown): string[] {
  const text = `import type { ${kind} } from 'kubernetes-types/${module}';\nexport const it: ${kind} = ${JSON.stringify(manifest)};\n`;
  const host = ts.createCompilerHost(OPTIONS);
  const { getSourceFile } = host;
  host.getSourceFile = (name, ...rest) =>
    name === FILE
      ? ts.createSourceFile(name, text, ts.ScriptTarget.ES2022)
      : getSourceFile.call(host, name, ...rest);
  return ts
    .getPreEmitDiagnostics(ts.createProgram([FILE], OPTIONS, host))
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '));
}

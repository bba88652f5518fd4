/**
 * What an editor shows for the package's exports: TypeScript's language service, asked as an editor asks it. No assertions.
 */
import { join } from 'node:path';
import ts from 'typescript';

/** The documentation on hover over each public export of the entries, by name; where it is made by `new`, over that. */
export function hovers(project: string, entries: Record<string, string>): Map<string, string> {
  const imports = Object.entries(entries).map(([name, from]) => `import * as ${name} from '${from}';`);
  let text = `${imports.join('\n')}\n`;
  const asked: { name: string; at: number }[] = [];
  const file = join(project, 'hover.ts');
  const options: ts.CompilerOptions = {
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    strict: true,
    types: [],
  };
  let version = 0;
  const service = ts.createLanguageService({
    getCompilationSettings: () => options,
    getScriptFileNames: () => [file],
    getScriptVersion: () => String(version),
    getScriptSnapshot: (name) => {
      const content = name === file ? text : ts.sys.readFile(name);
      return content === undefined ? undefined : ts.ScriptSnapshot.fromString(content);
    },
    getCurrentDirectory: () => project,
    getDefaultLibFileName: ts.getDefaultLibFilePath,
    fileExists: (name) => name === file || ts.sys.fileExists(name),
    readFile: ts.sys.readFile,
    directoryExists: ts.sys.directoryExists,
    realpath: ts.sys.realpath,
  });
  const program = service.getProgram()!;
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(file)!;

  const ask = (module: ts.Symbol, path: string): void => {
    for (const symbol of checker.getExportsOfModule(module)) {
      const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
      const name = `${path}.${symbol.name}`;
      if (target.flags & ts.SymbolFlags.ValueModule) ask(target, name);
      else if (target.flags & (ts.SymbolFlags.Class | ts.SymbolFlags.Function | ts.SymbolFlags.Variable)) {
        const isMade =
          target.flags & ts.SymbolFlags.Class &&
          !(ts.getCombinedModifierFlags(target.valueDeclaration!) & ts.ModifierFlags.Abstract);
        asked.push({ name: isMade ? `new ${name}` : name, at: 0 });
      } else asked.push({ name: `type ${name}`, at: 0 });
    }
  };
  for (const statement of source.statements) {
    if (!ts.isImportDeclaration(statement)) continue;
    const bound = statement.importClause!.namedBindings!.getText(source).replace('* as ', '');
    ask(checker.getSymbolAtLocation(statement.moduleSpecifier)!, bound);
  }
  for (const [index, one] of asked.entries()) {
    const isType = one.name.startsWith('type ');
    const code = isType ? `type T${index} = ${one.name.slice(5)};\n` : `${one.name}(;\n`;
    one.at = text.length + code.lastIndexOf('.') + 1;
    text += code;
  }
  version++;
  return new Map(
    asked.map(({ name, at }) => {
      const info = service.getQuickInfoAtPosition(file, at);
      return [name, ts.displayPartsToString(info?.documentation)];
    }),
  );
}

/** Reads the imports of a module from its syntax tree. */
import { type ESTree, parseSync, Visitor } from "vite";

export interface Import {
  /** What is imported; for a dynamic import of something computed, its source text. */
  specifier: string;
  kind: "static" | "dynamic" | "type";
}

/** Every import, re-export, `import()` and `import("…").Type` of a module. */
export function readImports(code: string, file: string): Import[] {
  const { program, errors } = parseSync(file, code);
  if (errors.length > 0) throw new SyntaxError(`${file}: ${errors[0].message}`);

  const imports: Import[] = [];
  new Visitor({
    ImportDeclaration: ({ source, importKind, specifiers }) => {
      const types = importKind === "type" || onlyTypes(specifiers);
      imports.push({ specifier: source.value, kind: types ? "type" : "static" });
    },
    ExportAllDeclaration: ({ source, exportKind }) => {
      imports.push({ specifier: source.value, kind: exportKind === "type" ? "type" : "static" });
    },
    ExportNamedDeclaration: ({ source, exportKind }) => {
      if (source) imports.push({ specifier: source.value, kind: exportKind === "type" ? "type" : "static" });
    },
    TSImportType: ({ source }) => {
      imports.push({ specifier: source.value, kind: "type" });
    },
    ImportExpression: ({ source }) => {
      const literal = source.type === "Literal" && typeof source.value === "string";
      const specifier = literal ? String(source.value) : code.slice(source.start, source.end);
      imports.push({ specifier, kind: "dynamic" });
    },
  }).visit(program);
  return imports;
}

/** `import { type A, type B }`, which the compiler treats like `import type`. */
function onlyTypes(specifiers: ESTree.ImportDeclarationSpecifier[]): boolean {
  return (
    specifiers.length > 0 &&
    specifiers.every((specifier) => specifier.type === "ImportSpecifier" && specifier.importKind === "type")
  );
}

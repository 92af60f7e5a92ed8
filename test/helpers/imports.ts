/** Reads the imports of modules from their syntax trees. */
import { posix } from "node:path";
import { type ESTree, parseSync, Visitor } from "vite";

interface Import {
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

/**
 * Which modules import each other in a circle by value, statically or dynamically: the strongly connected components of
 * the import graph (Tarjan 1972), each as its files.
 * @param modules the code of each, by its path
 */
export function circlesIn(modules: ReadonlyMap<string, string>): string[][] {
  const circles: string[][] = [];
  const order = new Map<string, number>();
  const open: string[] = [];

  /** Goes through what a module leads to. @returns the first in order of the open modules that are reached again */
  function visit(file: string): number {
    const place = order.size;
    order.set(file, place);
    open.push(file);
    let first = place;
    const targets = readImports(modules.get(file) ?? "", file).flatMap(({ specifier, kind }) =>
      kind !== "type" && specifier.startsWith(".") ? [posix.join(posix.dirname(file), specifier)] : [],
    );
    for (const target of targets.filter((path) => modules.has(path))) {
      if (!order.has(target)) first = Math.min(first, visit(target));
      else if (open.includes(target)) first = Math.min(first, order.get(target) ?? first);
    }
    if (first === place) {
      const circle = open.splice(open.indexOf(file));
      if (circle.length > 1 || targets.includes(file)) circles.push(circle);
    }
    return first;
  }
  for (const file of modules.keys()) if (!order.has(file)) visit(file);
  return circles;
}

/** `import { type A, type B }`, which the compiler treats like `import type`. */
function onlyTypes(specifiers: ESTree.ImportDeclarationSpecifier[]): boolean {
  return (
    specifiers.length > 0 &&
    specifiers.every((specifier) => specifier.type === "ImportSpecifier" && specifier.importKind === "type")
  );
}

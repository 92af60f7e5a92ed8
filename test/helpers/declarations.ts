/** What the package's declarations export, and which types they name, read from their syntax trees. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type ESTree, parseSync, Visitor } from "vite";

/** A declaration, by the file that has it and its name there. */
interface Declared {
  readonly file: string;
  readonly name: string;
}

/** Where a name of a module comes from: declared in it, or of another module; of all its names where `name` is "*". */
interface Module {
  readonly own: ReadonlyMap<string, readonly ESTree.Node[]>;
  readonly imported: ReadonlyMap<string, Declared>;
  readonly exported: ReadonlyMap<string, Declared>;
  /** `export * from`. */
  readonly all: readonly string[];
}

/** A name of an entry, and what it is. */
export interface PublicName {
  readonly entry: string;
  /** Behind the name of its namespace, if it has one: `ops.relu`. */
  readonly name: string;
  readonly meanings: readonly ("type" | "value")[];
  /** The same for the same declaration. */
  readonly declaration: string;
  /** The declarations that it names as types, exported or not. */
  readonly names: readonly string[];
}

/** All names of all entries; `entries` has each entry's file of declarations. */
export function publicNames(entries: Readonly<Record<string, string>>): PublicName[] {
  const reader = new Reader();
  return Object.entries(entries).flatMap(([entry, file]) => reader.names(entry, file));
}

class Reader {
  readonly #modules = new Map<string, Module>();

  names(entry: string, file: string, prefix = ""): PublicName[] {
    return this.#exportsOf(file).flatMap(([name, from]) => {
      const { file: at, name: own } = this.#resolve(from);
      if (own === "*") return this.names(entry, at, `${prefix}${name}.`);
      const nodes = this.#module(at).own.get(own) ?? [];
      if (nodes.length === 0) throw new Error(`${file}: ${name} is declared nowhere`);
      return [
        {
          entry,
          name: prefix + name,
          meanings: [...new Set(nodes.flatMap(meaningsOf))],
          declaration: key({ file: at, name: own }),
          names: [...new Set(nodes.flatMap((node) => this.#typesNamed(at, node)))],
        },
      ];
    });
  }

  #exportsOf(file: string): (readonly [string, Declared])[] {
    const { exported, all } = this.#module(file);
    // A name that is exported by itself goes before one of `export *`.
    const others = all.flatMap((other) => this.#exportsOf(other));
    return [...exported, ...others.filter(([name]) => !exported.has(name))];
  }

  /** What a name stands for in the end. */
  #resolve({ file, name }: Declared): Declared {
    if (name === "*") return { file, name };
    const { own, imported, exported, all } = this.#module(file);
    if (own.has(name)) return { file, name };
    const next = imported.get(name) ?? exported.get(name);
    if (next) return this.#resolve(next);
    const within = all.find((other) =>
      this.#exportsOf(other).some(([exportedName]) => exportedName === name),
    );
    if (within) return this.#resolve({ file: within, name });
    throw new Error(`${file}: there is no ${name}`);
  }

  /** The declarations of the package that a node names; what is global, or a parameter of types, is none. */
  #typesNamed(file: string, node: ESTree.Node): string[] {
    const { own, imported } = this.#module(file);
    const found: string[] = [];
    const see = (name: string) => {
      if (own.has(name) || imported.has(name)) found.push(key(this.#resolve({ file, name })));
    };
    const seeFirst = (name: ESTree.Node): void => {
      if (name.type === "Identifier") see(name.name);
      else if (name.type === "TSQualifiedName") seeFirst(name.left);
    };
    new Visitor({
      TSTypeReference: ({ typeName }) => seeFirst(typeName),
      TSInterfaceHeritage: ({ expression }) => seeFirst(expression),
      TSClassImplements: ({ expression }) => seeFirst(expression),
      ClassDeclaration: ({ superClass }) => superClass && seeFirst(superClass),
      TSImportType: ({ source, qualifier }) => {
        if (qualifier?.type === "Identifier")
          found.push(key(this.#resolve({ file: declarationsAt(file, source.value), name: qualifier.name })));
      },
    }).visit({ type: "Program", body: [node], sourceType: "module" } as unknown as ESTree.Program);
    return found;
  }

  #module(file: string): Module {
    const known = this.#modules.get(file);
    if (known) return known;
    const module = readModule(file);
    this.#modules.set(file, module);
    return module;
  }
}

function readModule(file: string): Module {
  const { program, errors } = parseSync(file, readFileSync(file, "utf8"));
  if (errors.length > 0) throw new SyntaxError(`${file}: ${errors[0]?.message}`);
  const own = new Map<string, ESTree.Node[]>();
  const imported = new Map<string, Declared>();
  const exported = new Map<string, Declared>();
  const all: string[] = [];
  const declare = (node: ESTree.Node, exports: boolean) => {
    for (const name of declaredNames(node)) {
      own.set(name, [...(own.get(name) ?? []), node]);
      if (exports) exported.set(name, { file, name });
    }
  };
  for (const node of program.body) {
    switch (node.type) {
      case "ImportDeclaration": {
        const from = declarationsAt(file, node.source.value);
        for (const specifier of node.specifiers)
          imported.set(specifier.local.name, {
            file: from,
            name: specifier.type === "ImportSpecifier" ? nameOf(specifier.imported) : "*",
          });
        break;
      }
      case "ExportAllDeclaration": {
        const from = declarationsAt(file, node.source.value);
        if (node.exported) exported.set(nameOf(node.exported), { file: from, name: "*" });
        else all.push(from);
        break;
      }
      case "ExportNamedDeclaration": {
        if (node.declaration) declare(node.declaration, true);
        const from = node.source ? declarationsAt(file, node.source.value) : file;
        for (const { local, exported: name } of node.specifiers)
          exported.set(nameOf(name), { file: from, name: nameOf(local) });
        break;
      }
      default:
        declare(node, false);
    }
  }
  return { own, imported, exported, all };
}

function declaredNames(node: ESTree.Node): string[] {
  if (node.type === "VariableDeclaration")
    return node.declarations.flatMap(({ id }) => (id.type === "Identifier" ? [id.name] : []));
  return "id" in node && node.id?.type === "Identifier" ? [node.id.name] : [];
}

function meaningsOf({ type }: ESTree.Node): ("type" | "value")[] {
  if (type === "ClassDeclaration") return ["type", "value"];
  return type === "TSInterfaceDeclaration" || type === "TSTypeAliasDeclaration" ? ["type"] : ["value"];
}

function nameOf(name: ESTree.ModuleExportName): string {
  return name.type === "Literal" ? name.value : name.name;
}

function declarationsAt(file: string, specifier: string): string {
  return join(dirname(file), specifier.replace(/\.js$/, ".d.ts"));
}

function key({ file, name }: Declared): string {
  return `${file}: ${name}`;
}

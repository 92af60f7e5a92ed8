/** Every function and method of the public entries with its docstring, read from the sources' syntax trees. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { type ESTree, parseSync } from "vite";

export interface PublicFunction {
  /** `fit`, `init.heNormal`, `Tensor.valueOf`, `Engine.buffer`. */
  readonly name: string;
  /** A function or a method of a class; `signature` for a method of an interface. */
  readonly kind: "function" | "method" | "signature";
  /** File and line, as an editor opens them. */
  readonly at: string;
  readonly parameters: number;
  /** The docstring without its stars; empty where there is none. */
  readonly docstring: string;
}

type Comment = ReturnType<typeof parseSync>["comments"][number];

interface Source {
  readonly file: string;
  readonly code: string;
  readonly body: readonly (ESTree.Directive | ESTree.Statement)[];
  readonly comments: readonly Comment[];
}

/** Of `src/index.ts` and each `src/<entry>/index.ts`: every name once, without constructors of errors and `@internal` ones. */
export function publicFunctions(): PublicFunction[] {
  const folders = readdirSync("src", { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const entries = ["src/index.ts", ...folders.map(({ name }) => `src/${name}/index.ts`)];
  const published = entries.filter((file) => existsSync(file) && ENTRIES.has(posix.dirname(file)));
  const found = published.flatMap((file) => exportsOf(file).flatMap(functionsOf));
  // The first of several signatures has the docstring.
  return [...new Map(found.toReversed().map((entry) => [entry.name, entry])).values()].reverse();
}

/** The folders of the entries that `package.json` publishes. */
const ENTRIES = new Set(
  Object.keys((JSON.parse(readFileSync("package.json", "utf8")) as { exports: object }).exports).map(
    (entry) => posix.join("src", entry),
  ),
);

interface Exported {
  readonly name: string;
  readonly declaration: ESTree.Node;
  /** Where the docstring ends: the start of the statement. */
  readonly start: number;
  readonly source: Source;
  /** Whether the entry exports the type alone: then no user calls the constructor. */
  readonly typeOnly?: boolean;
}

const sources = new Map<string, Source>();

function read(file: string): Source {
  const known = sources.get(file);
  if (known) return known;
  const code = readFileSync(file, "utf8");
  const { program, comments } = parseSync(file, code);
  const source = { file, code, body: program.body, comments };
  sources.set(file, source);
  return source;
}

function exportsOf(file: string): Exported[] {
  const source = read(file);
  return source.body.flatMap((statement) => {
    if (statement.type === "ExportAllDeclaration") {
      const all = exportsOf(targetOf(file, statement.source.value));
      const space = statement.exported && nameOf(statement.exported);
      return space ? all.map((entry) => ({ ...entry, name: `${space}.${entry.name}` })) : all;
    }
    if (statement.type !== "ExportNamedDeclaration") return [];
    if (statement.declaration) return declared(statement.declaration, statement.start, source);
    return statement.specifiers.map((specifier) => {
      const local = nameOf(specifier.local);
      const name = nameOf(specifier.exported);
      const target = statement.source ? targetOf(file, statement.source.value) : importedFrom(source, local);
      const found =
        target === undefined ? localOf(source, local) : exportsOf(target).find((e) => e.name === local);
      if (!found) throw new Error(`${file}: no declaration found of ${name}`);
      const typeOnly = statement.exportKind === "type" || specifier.exportKind === "type";
      return { ...found, name, typeOnly: typeOnly || found.typeOnly };
    });
  });
}

/** `const x = …; export { x };` */
function localOf(source: Source, name: string): Exported | undefined {
  return source.body
    .flatMap((statement) => declared(statement, statement.start, source))
    .find((entry) => entry.name === name);
}

function importedFrom({ body, file }: Source, local: string): string | undefined {
  for (const statement of body) {
    if (statement.type !== "ImportDeclaration") continue;
    if (statement.specifiers.some((specifier) => specifier.local.name === local)) {
      return targetOf(file, statement.source.value);
    }
  }
  return undefined;
}

function declared(node: ESTree.Node, start: number, source: Source): Exported[] {
  switch (node.type) {
    case "VariableDeclaration":
      return node.declarations.flatMap((declaration) =>
        declaration.id.type === "Identifier"
          ? [{ name: declaration.id.name, declaration: declaredValue(declaration), start, source }]
          : [],
      );
    case "FunctionDeclaration":
    case "ClassDeclaration":
    case "TSDeclareFunction":
    case "TSInterfaceDeclaration":
    case "TSTypeAliasDeclaration":
      return node.id ? [{ name: node.id.name, declaration: node, start, source }] : [];
    default:
      return [];
  }
}

/** `f` of `const x = f as T`. */
function declaredValue({ init, id }: ESTree.VariableDeclarator): ESTree.Node {
  let value: ESTree.Node = init ?? id;
  while (value.type === "TSAsExpression" || value.type === "TSSatisfiesExpression") value = value.expression;
  return value;
}

function functionsOf({ name, declaration, start, source, typeOnly }: Exported): PublicFunction[] {
  const entry = (
    label: string,
    kind: PublicFunction["kind"],
    at: number,
    parameters: readonly unknown[],
  ): PublicFunction => ({
    name: label,
    kind,
    at: `${source.file}:${source.code.slice(0, at).split("\n").length}`,
    parameters: parameters.length,
    docstring: docstringBefore(source, at),
  });
  switch (declaration.type) {
    case "FunctionDeclaration":
    case "TSDeclareFunction":
    case "ArrowFunctionExpression":
    case "FunctionExpression":
      return [entry(name, "function", start, declaration.params)];
    case "CallExpression": // `const greater = binary("greater")`
      return /^[a-z]/.test(name.split(".").at(-1) ?? "") ? [entry(name, "function", start, [undefined])] : [];
    case "ObjectExpression":
      return declaration.properties.flatMap((property) => {
        if (property.type !== "Property") return [];
        const label = `${name}.${nameOf(property.key)}`;
        const { value } = property;
        if (isFunction(value)) return [entry(label, "function", property.start, value.params)];
        const local = value.type === "Identifier" && localOf(source, value.name);
        return local ? functionsOf({ ...local, name: label }) : [];
      });
    case "ClassDeclaration":
      return declaration.body.body.flatMap((member) => {
        if (member.type !== "MethodDefinition" || !isPublic(member)) return [];
        const isError = /Error$/.test(name);
        if (member.kind === "constructor" && (typeOnly || isError)) return [];
        const method = entry(`${name}.${keyOf(member, source)}`, "method", member.start, member.value.params);
        return method.docstring.includes("@internal") ? [] : [method];
      });
    case "TSInterfaceDeclaration":
      return declaration.body.body.flatMap((member) =>
        member.type === "TSMethodSignature"
          ? [entry(`${name}.${keyOf(member, source)}`, "signature", member.start, member.params)]
          : [],
      );
    default:
      return [];
  }
}

function isFunction(node: ESTree.Node): node is ESTree.Function | ESTree.ArrowFunctionExpression {
  return node.type === "FunctionExpression" || node.type === "ArrowFunctionExpression";
}

function isPublic(member: ESTree.MethodDefinition): boolean {
  return member.key.type !== "PrivateIdentifier" && (member.accessibility ?? "public") === "public";
}

function keyOf(member: ESTree.MethodDefinition | ESTree.TSMethodSignature, { code }: Source): string {
  return code.slice(member.key.start, member.key.end);
}

function nameOf(node: ESTree.Node): string {
  if (node.type === "Identifier") return node.name;
  return node.type === "Literal" ? String(node.value) : "";
}

function targetOf(file: string, specifier: string): string {
  return posix.join(posix.dirname(file), specifier);
}

/** A remark for the linter, which stands below the docstring. */
const LINTED = /^\s*biome-ignore /;

/** The `/** … … ` that ends right before a position, with nothing but white space and remarks for the linter between. */
function docstringBefore({ code, comments }: Source, position: number): string {
  const before = comments.findLast(({ end, value }) => end <= position && !LINTED.test(value));
  if (before?.type !== "Block" || !before.value.startsWith("*")) return "";
  if (
    code
      .slice(before.end, position)
      .replace(/^\s*\/\/ biome-ignore .*$/gm, "")
      .trim() !== ""
  )
    return "";
  return before.value.replace(/^\s*\*+ ?/gm, "").trim();
}

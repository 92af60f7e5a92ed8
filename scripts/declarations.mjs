// Finishes the declarations that the compiler wrote into dist:
//
// - Imports name "./x.js", as every resolution of TypeScript finds them, and not "./x.ts".
// - Node's own modules, which parts inside of the package name, are objects: not every consumer has @types/node.
// - Declarations that nothing public leads to go.
// - What names a type of WebGPU or of explicit resource management, which not every consumer's `lib` has, refers to
//   ambient.d.ts, which declares its name.
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = join(root, "dist");
const AMBIENT = join(dist, "ambient.d.ts");

/** Interfaces are added to those of the consumer's `lib` where it has them, and are names without members where not. */
const HEADER = "/** Names that older `lib`s lack; where they are known, this adds nothing. */\n";
const DISPOSAL = `interface SymbolConstructor {
  readonly dispose: unique symbol;
  readonly asyncDispose: unique symbol;
}
interface Disposable {
  [Symbol.dispose](): void;
}
interface AsyncDisposable {
  [Symbol.asyncDispose](): PromiseLike<void>;
}
`;

const SPECIFIER = /((?:from|import)\s*\(?\s*")(\.{1,2}\/[^"]+)\.ts(")/g;
const NODE_MODULE = /\btypeof import\("node:[^"]+"\)/g;
const GPU = /(?<![\w.])GPU[A-Z]\w*/g;

const exported = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).exports;
/** @type {Map<string, string>} */
const declarations = new Map();
const waiting = Object.values(exported).map(({ types }) => join(root, types));
for (let path = waiting.pop(); path; path = waiting.pop()) {
  if (declarations.has(path)) continue;
  const text = readFileSync(path, "utf8");
  declarations.set(path, text.replace(SPECIFIER, "$1$2.js$3").replace(NODE_MODULE, "object"));
  for (const [, , specifier] of text.matchAll(SPECIFIER))
    waiting.push(join(dirname(path), `${specifier}.d.ts`));
}

for (const file of readdirSync(dist, { recursive: true, encoding: "utf8" })) {
  const path = join(dist, file);
  if (path.endsWith(".d.ts") && !declarations.has(path)) rmSync(path);
}

const names = new Set();
for (const [path, text] of declarations) {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, "");
  const own = [...code.matchAll(GPU)].map(([name]) => name);
  for (const name of own) if (name !== "GPU" && !declares(code, name)) names.add(name);
  const needed = own.length > 0 || /\b(async)?dispos(e|able)\b/i.test(code);
  const reference = relative(dirname(path), AMBIENT).replaceAll("\\", "/");
  writeFileSync(path, needed ? `/// <reference path="${reference}" />\n${text}` : text);
}
const interfaces = [...names].sort().map((name) => `interface ${name} {}\n`);
writeFileSync(AMBIENT, [HEADER, ...interfaces, DISPOSAL].join(""));

/** @param {string} code @param {string} name */
function declares(code, name) {
  return new RegExp(`\\b(class|interface|type|import type \\{[^}]*)\\s+${name}\\b`).test(code);
}

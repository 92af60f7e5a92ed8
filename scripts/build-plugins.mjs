// Small steps of the library build (see vite.config.ts).
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { printCompactly } from "../src/kernels/wgsl/print.ts";
import { readModule } from "../src/kernels/wgsl/read.ts";

const SHADERS = fileURLToPath(new URL("../shaders/", import.meta.url));

/** @param {string} name */
const compact = (name) => printCompactly(readModule(readFileSync(`${SHADERS}${name}.wgsl`, "utf8")));

/**
 * Leaves a mark for each `*.wgsl?raw`, and adds the texts of all, as short as may be, to src/kernels/shaders.ts: they are
 * loaded where a program is compiled on a GPU. What runs and what people are shown is printed anew.
 */
export function compactShaders() {
  return {
    name: "wgrad:compact-shaders",
    enforce: /** @type {const} */ ("pre"),
    /** @param {string} id */
    load(id) {
      return id.endsWith(".wgsl?raw") ? `export default "@shader(${basename(id, ".wgsl?raw")})";` : undefined;
    },
    /** @param {string} code @param {string} id */
    transform(code, id) {
      if (!id.endsWith("src/kernels/shaders.ts")) return undefined;
      const names = readdirSync(SHADERS).map((file) => basename(file, ".wgsl"));
      const texts = JSON.stringify(Object.fromEntries(names.map((name) => [name, compact(name)])));
      const empty = "Record<string, string>> = {}";
      if (!code.includes(empty)) throw new Error(`${id}: the table of texts is not found`);
      return { code: code.replace(empty, () => empty.replace("{}", texts)), map: null };
    },
  };
}

/**
 * Leaves `export * as ops from …` as it is written: a module of its own, of which the bundlers of applications see what is
 * used, and not an object that holds all.
 */
export function opsModule() {
  return {
    name: "wgrad:ops-module",
    enforce: /** @type {const} */ ("pre"),
    /** @param {string} code @param {string} id */
    transform(code, id) {
      return id.endsWith("src/index.ts")
        ? code.replace('* as ops from "./ops.ts"', '* as ops from "wgrad:ops"')
        : undefined;
    },
    /** @param {string} source */
    resolveId(source) {
      return source === "wgrad:ops" ? { id: "./ops.js", external: true } : undefined;
    },
  };
}

/**
 * Makes `import("webgpu")` and `import("node:…")` invisible to the bundlers of applications: they
 * happen outside browsers only, and a bundler would stop at a module that it does not find. Two
 * bundlers know a comment for this, the others leave alone what is no literal.
 */
export function ignoredByBundlers() {
  const outsideBrowsers = /\bimport\(\s*(["'`])(webgpu|node:[\w/]+)\1\s*\)/g;
  return {
    name: "wgrad:ignored-by-bundlers",
    // After minification, which would make a literal of it again.
    /**
     * @param {unknown} _options
     * @param {Record<string, { type: string, code?: string }>} bundle
     */
    generateBundle(_options, bundle) {
      for (const chunk of Object.values(bundle)) {
        chunk.code = chunk.code
          ?.replace(outsideBrowsers, 'import(/* webpackIgnore: true */ /* @vite-ignore */ "$2".slice())')
          // Chunks that are loaded later, named as every bundler understands.
          .replace(/\bimport\(`(\.[^`$]+)`\)/g, 'import("$1")');
      }
    },
  };
}

/**
 * The modules that `entry` loads, itself among them, by path; not what it imports dynamically, nor types.
 * @param {string} entry
 * @returns {Set<string>}
 */
export function loadedModules(entry) {
  const loaded = new Set([entry]);
  for (const path of loaded) {
    const code = readFileSync(path, "utf8");
    for (const [, specifier] of code.matchAll(
      /^(?:import|export) (?!type\b)(?:[^"]* from )?"(\.[^"]+\.ts)"/gm,
    ))
      loaded.add(join(dirname(path), specifier));
  }
  return loaded;
}

/**
 * The licences of packages that are built into a chunk, as a comment for its top, as their authors ask.
 * @param {{ moduleIds: readonly string[] }} chunk
 */
export function builtInLicences({ moduleIds }) {
  const folders = moduleIds.map((id) => /^\0?(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(id)?.[1]);
  return [...new Set(folders)].map((folder) => (folder ? notice(folder) : "")).join("");
}

/** @param {string} folder of a package */
function notice(folder) {
  const { name, version, license } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
  const file = ["LICENSE", "LICENSE.md", "LICENSE.txt"].find((file) => existsSync(`${folder}/${file}`));
  if (!file) throw new Error(`${name} is built in, and has no file LICENSE to go with it`);
  return `/*! ${name} ${version}, ${license}\n${readFileSync(`${folder}/${file}`, "utf8").trim()}\n*/\n`;
}

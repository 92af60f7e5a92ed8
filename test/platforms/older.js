/**
 * Run in Node, with --experimental-vm-modules: the built package in a world of its own, which has no `Symbol.dispose` where
 * the language itself has none, as older browsers have not. Prints what a computation there gives, as JSON.
 */
import { readFile } from "node:fs/promises";
import vm from "node:vm";

const context = vm.createContext({ performance, setImmediate, TextEncoder, TextDecoder });
/** @type {Map<string, Promise<any>>} */
const modules = new Map();

/** @param {URL} url @returns {Promise<any>} */
function load(url) {
  const known = modules.get(url.href);
  if (known) return known;
  const make = (/** @type {string} */ code) =>
    new vm.SourceTextModule(code, {
      context,
      identifier: url.href,
      importModuleDynamically: (specifier) => loaded(new URL(specifier, url)),
    });
  const module = readFile(url, "utf8").then(make);
  modules.set(url.href, module);
  return module;
}

/** A module with all that it imports, run. @param {URL} url @returns {Promise<any>} */
async function loaded(url) {
  const module = await load(url);
  if (module.status === "unlinked") {
    await module.link(
      (/** @type {string} */ specifier, /** @type {{ identifier: string }} */ { identifier }) =>
        load(new URL(specifier, identifier)),
    );
  }
  await module.evaluate();
  return module;
}

const entry = await loaded(new URL("../../dist/index.js", import.meta.url));
const { compile, cpu, mul } = /** @type {typeof import("wgrad")} */ (entry.namespace);
const engine = cpu();
const double = await compile(engine, { a: [2] }, ({ a }) => ({ y: mul(a, 2) }));
const { y } = await double({ a: vm.runInContext("Float32Array.of(1, 2)", context) });
double.release();
await engine.destroy();
console.log(JSON.stringify({ y: [...y], dispose: vm.runInContext("typeof Symbol.dispose", context) }));

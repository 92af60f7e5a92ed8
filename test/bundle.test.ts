/** Checks the size of the built package, and what it loads. `npm test` builds it first. */
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { readImports } from "./helpers/imports.ts";
import { runNode } from "./helpers/programs.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
/**
 * What a page loads with an entry, all modules together. The first is the library itself. The others begin with parts of it
 * where they train; what they add is held as well.
 */
const MAX_GZIP_BYTES: Readonly<Record<string, number>> = {
  // 76 KB, without the shaders, which are loaded where a program is compiled on a GPU.
  "./dist/min/index.js": 76_000,
  // Among it the checks of files that nobody vouches for; below, too.
  "./dist/min/data.js": 19 * 1024,
  "./dist/min/csv.js": 19.5 * 1024,
  "./dist/min/linear.js": 18 * 1024,
};
/** Beside what `wgrad` and `wgrad/data` load. */
const MAX_ADDED_BYTES: Readonly<Record<string, number>> = {
  "./dist/min/augment.js": 5 * 1024,
  "./dist/min/metrics.js": 4 * 1024,
  // With the options of checkpoints; what writes them is loaded when a run starts.
  "./dist/min/callbacks.js": 2.25 * 1024,
  "./dist/min/minimize.js": 3 * 1024,
  "./dist/min/safetensors.js": 3.25 * 1024,
  "./dist/min/inspect.js": 3 * 1024,
  "./dist/min/search.js": 8.75 * 1024,
  // The kernels of most programs, and the assembler that they are written in.
  "./dist/min/wasm.js": 30 * 1024,
};

/** What the library loads only when it is asked for, by module. */
const MAX_LATER_BYTES: Readonly<Record<string, number>> = {
  // The run of fit, evaluations, predictions: with the first of each. What fit and evaluations share: data on an engine.
  // Among them the session that fit is made of.
  // Its steps are remembered until a later state is safe, and all that runs on the engine outlasts a lost device.
  training: 5.5 * 1024,
  totals: 512,
  trainingSteps: 768,
  epochLoop: 1664,
  // What goes back, connects again and takes steps again, where something went wrong.
  mend: 1792,
  evaluator: 2304,
  predicted: 2048,
  opened: 1792,
  // Compiled steps, and what makes steps look for NaN: with the first compilation. The names of both, as below.
  compiledStep: 128,
  compiledStep2: 1792,
  guard: 1792,
  guard2: 128,
  // Programs on the CPU.
  cpuExecutable: 3 * 1024,
  // Programs on a GPU: what makes the shader of each launch, and the functions that all shaders share.
  specialise: 10.25 * 1024,
  // The kernels' texts, which can still be read: their WGSL is shown to those who look inside.
  shaders: 18 * 1024,
  // Among it what compiles pipelines, divides runs into submits, and notices a queue that does not answer.
  executable: 5 * 1024,
  executable2: 128,
  // The question whether a device has immediates, where it lists them.
  immediates: 640,
  // Memory of programs on any engine.
  plan: 768,
  // The names of modules that are loaded later and by others: their code lies in those without the number.
  opened2: 160,
  specialise2: 128,
  // The choice of kernels by measuring, and where choices are kept; profiles.
  tune: 2048,
  store: 768,
  profile: 1024,
  // WebGPU in Node.
  node: 768,
  // The trace of the first number that is not finite, once there is one.
  trace: 4864,
  // What a step needs, added up where an engine's memory is known; which batch size would fit.
  needs: 128,
  needs2: 1024,
  advice: 896,
  // Data that is read piece by piece.
  streamed: 2048,
  // Checkpoints and the loading of weights, with the sources and hashes they share; how files are read and written.
  checkpoint: 6.5 * 1024,
  weights: 2304,
  safetensors: 2.75 * 1024,
  bytes: 1024,
  hash: 768,
  read: 512,
  write: 128,
  write2: 1792,
  // JSON from outside. Series of files, on disks and in the storage of pages.
  json: 640,
  storage: 1024,
  disk: 640,
  opfs: 1792,
  // The bundler's own, for modules that are asked for as a whole.
  "rolldown-runtime": 512,
};

/** What the wasm engine loads with the first program that has such kernels, likewise. */
const MAX_LATER_WASM_BYTES: Readonly<Record<string, number>> = {
  images: 9 * 1024,
  norms: 4 * 1024,
};

/** The package's entries as package.json declares them, and as bundlers would leave them: minified. */
const declared: { types: string; default: string }[] = Object.values(
  JSON.parse(readFileSync(join(root, "package.json"), "utf8")).exports,
);
const entries = declared.map((entry) => ({
  ...entry,
  default: entry.default.replace("/dist/", "/dist/min/"),
}));

/**
 * The built modules that an application gets: the entries, and what they import of the package; with `later`, also what
 * is loaded only when it is needed, such as streaming.
 */
function builtModules(of = entries, later = false): Map<string, string> {
  const modules = new Map<string, string>();
  const waiting = of.map((entry) => join(root, entry.default));
  for (let path = waiting.pop(); path; path = waiting.pop()) {
    if (modules.has(path)) continue;
    if (!existsSync(path)) throw new Error(`${path} does not exist; build it first: npm run build`);
    const code = readFileSync(path, "utf8");
    modules.set(path, code);
    for (const { specifier, kind } of readImports(code, path)) {
      if (!specifier.startsWith(".") || (kind === "dynamic" && !later)) continue;
      waiting.push(join(dirname(path), specifier));
    }
  }
  return modules;
}

describe("the built package", () => {
  const sizeOf = (codes: Iterable<string>) =>
    [...codes].reduce((sum, code) => sum + gzipSync(code).length, 0);
  const entry = (path: string) => entries.filter((one) => one.default === path);

  it("holds every entry to a size", () => {
    const held = [...Object.keys(MAX_GZIP_BYTES), ...Object.keys(MAX_ADDED_BYTES)];
    expect(entries.map((one) => one.default).sort()).toEqual(held.sort());
  });

  it.each(Object.entries(MAX_GZIP_BYTES))("is small: %s, with all that it loads", (path, most) => {
    expect(sizeOf(builtModules(entry(path)).values())).toBeLessThan(most);
  });

  it.each(Object.entries(MAX_ADDED_BYTES))(
    "is small: what %s adds to the library and its data",
    (path, most) => {
      const known = builtModules([...entry("./dist/min/index.js"), ...entry("./dist/min/data.js")]);
      // What writes shaders is held below. A page with a step to look into has loaded it when it connected.
      const added = [...builtModules(entry(path))].filter(
        ([module]) =>
          !known.has(module) && !["specialise", "shaders", "plan"].includes(basename(module, ".js")),
      );
      expect(sizeOf(added.map(([, code]) => code))).toBeLessThan(most);
    },
  );

  it.each(["./dist/min/data.js", "./dist/min/csv.js"])(
    "loads what unpacks when something is unpacked: %s",
    (path) => {
      const now = builtModules(entry(path));
      const unpacker = [...builtModules(entry(path), true)].filter(([, code]) => code.startsWith("/*! pako"));
      expect(unpacker.filter(([module]) => now.has(module))).toEqual([]);
      expect(unpacker).toHaveLength(1);
      // Without what packs.
      expect(sizeOf(unpacker.map(([, code]) => code))).toBeLessThan(7 * 1024);
    },
  );

  it.each([
    ["./dist/min/index.js", MAX_LATER_BYTES],
    ["./dist/min/wasm.js", MAX_LATER_WASM_BYTES],
  ])("loads later what it says, and little: %s", (path, limits) => {
    const now = builtModules(entry(path));
    const later = [...builtModules(entry(path), true)].filter(([module]) => !now.has(module));
    const named = later.map(([module, code]) => [basename(module, ".js"), code] as const);
    const own = named.filter(([name]) => limits === MAX_LATER_BYTES || !(name in MAX_LATER_BYTES));
    expect(own.map(([name]) => name).sort()).toEqual(Object.keys(limits).sort());
    const tooLarge = own.filter(([name, code]) => sizeOf([code]) >= limits[name]);
    expect(tooLarge.map(([name, code]) => `${name}: ${sizeOf([code])}`)).toEqual([]);
  });

  it.each([
    ["readable", declared],
    ["minified", entries],
  ])("asks for no other module, but dynamically for webgpu and Node's own: %s", (_what, modules) => {
    const outside = [...builtModules(modules, true)]
      .flatMap(([path, code]) => readImports(code, path))
      .filter(({ specifier }) => !specifier.startsWith("."))
      .map(({ specifier, kind }) => `${kind} ${specifier}`);
    // In the form that bundlers leave alone: see scripts/build-plugins.mjs.
    const expected = /^dynamic "(webgpu|node:[\w/]+)"\.slice\(\)$/;
    expect(outside.filter((text) => !expected.test(text))).toEqual([]);
  });

  it("has the declarations that package.json promises", () => {
    expect(entries.filter((entry) => !existsSync(join(root, entry.types)))).toEqual([]);
  });

  it("loads, in Node itself: both kinds of entries have the same names, and all that is loaded later is there", async () => {
    const paths = [declared, entries].map((of) => of.map((one) => join(root, one.default)));
    const later = [declared, entries].flatMap((of) => [...builtModules(of, true).keys()]);
    const program = `
      const namesOf = async (path) => Object.keys(await import(require("node:url").pathToFileURL(path).href));
      const all = (paths) => Promise.all(paths.map(namesOf));
      const run = async ([readable, minified], later) => [await all(readable), await all(minified), await all(later)];
      run(${JSON.stringify(paths)}, ${JSON.stringify(later)}).then((names) => console.log(JSON.stringify(names)));`;
    const { stdout } = await runNode(["--eval", program], { timeoutMs: 60_000 });
    const [readable, minified, others]: string[][][] = JSON.parse(stdout);
    expect(minified).toEqual(readable);
    expect(
      [...(readable as string[][]), ...(others as string[][])].filter((names) => names.length === 0),
    ).toEqual([]);
  });
});

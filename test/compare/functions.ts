/**
 * Times the wasm engine's scalar functions beside their twins in JavaScript and a loop that only copies, in turns.
 *
 *     npx tsx test/compare/functions.ts [NAME …]
 *
 * A time is the best of many calls, in nanoseconds an element of arrays that fit into the first cache; a loop loads and
 * stores four elements at once, from and to memory. The last column is the twin's time over that with relaxed SIMD.
 */
import { type ScalarFunction, scalarFunctions } from "../../src/kernels/scalar.ts";
import { table } from "../../src/text.ts";
import { vectorFunctions } from "../../src/wasm/vectors/functions.ts";
import { FEATURES, overArrays } from "../helpers/vectors.ts";

const LENGTH = 2048;
const ROUNDS = 200;
/** Calls of a round. */
const CALLS = 8;

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in scalarFunctions));
if (unknown.length > 0) {
  console.error(
    `no scalar function is called ${unknown}; there are ${Object.keys(scalarFunctions).join(", ")}`,
  );
  process.exit(2);
}
const names = (asked.length > 0 ? asked : Object.keys(scalarFunctions)) as ScalarFunction[];

/** Both signs, or above 0 for logarithms, at sizes where networks compute. */
function inputOf(name: ScalarFunction, n: number, i: number): number {
  const x = 6 * Math.sin(i * (n + 1) * 0.618);
  return name.startsWith("log") || name === "squareRoot" ? Math.abs(x) : x;
}

/** A twin over arrays. A function of its own each, so that one twin's calls are compiled without the others'. */
function twinLoop(name: ScalarFunction): (args: readonly Float32Array[], result: Float32Array) => void {
  const values = Array.from({ length: scalarFunctions[name].length }, (_, n) => `args[${n}][i]`);
  const body = `for (let i = 0; i < result.length; i++) result[i] = twin(${values.join(", ")});`;
  return new Function("twin", `return (args, result) => { ${body} }`)(scalarFunctions[name]);
}

const copy = overArrays((_, x) => x, 1, LENGTH, FEATURES.plain);
const rows = names.map((name) => {
  const args = scalarFunctions[name].length;
  const vectors = Object.values(FEATURES).map((features) =>
    overArrays(vectorFunctions[name], args, LENGTH, features),
  );
  for (const { args } of vectors) {
    args.forEach((array, n) => {
      array.set(Float32Array.from(array, (_, i) => inputOf(name, n, i)));
    });
  }
  const twin = twinLoop(name);
  const result = new Float32Array(LENGTH);
  const runs = [
    ...vectors.map(
      ({ run }) =>
        () =>
          run(LENGTH),
    ),
    () => twin(vectors[0].args, result),
    () => copy.run(LENGTH),
  ];
  const best = runs.map(() => Number.POSITIVE_INFINITY);
  for (let round = 0; round < ROUNDS; round++) {
    runs.forEach((run, i) => {
      const start = performance.now();
      for (let call = 0; call < CALLS; call++) run();
      best[i] = Math.min(best[i], ((performance.now() - start) * 1e6) / CALLS / LENGTH);
    });
  }
  return [name, ...best.map((ns) => ns.toFixed(2)), `×${(best[2] / best[0]).toFixed(1)}`];
});

console.log(`Node ${process.version}: nanoseconds an element`);
const head = ["function", "relaxed SIMD", "SIMD", "twin", "copy", "twin / relaxed"];
console.log(table([head, ...rows]).join("\n"));

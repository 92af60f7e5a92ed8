// Lets every call of WebGPU in a scenario fail, one after the other, and fails where the library does not hold up:
//
//   npm run faults [-- --call createBuffer --every 10 --product]
//
// With --product, the scenario is but a product whose variants are measured. Prints the number of call sites and what came of them. Runs on the built package.
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { create } from "webgpu";
import * as wgrad from "wgrad";
import { dataset } from "wgrad/data";
import { product, walk } from "./fault-walk.mjs";

const { values } = parseArgs({
  options: {
    call: { type: "string" },
    every: { type: "string", default: "1" },
    product: { type: "boolean", default: false },
    verbose: { type: "boolean", default: false },
  },
});
const every = Number(values.every);
if (!(Number.isInteger(every) && every > 0)) {
  console.error(`--every is a whole number from 1, got ${values.every}`);
  process.exit(2);
}

/** Outcomes of the kind of call and fault that is being walked. @type {Map<string, number>} */
const outcomes = new Map();
let kind = "";
let [sites, bad] = [0, 0];
const began = performance.now();

function printKind() {
  const count = [...outcomes.values()].reduce((sum, one) => sum + one, 0);
  if (count > 0)
    console.log(
      `${kind}: ${count} sites; ${[...outcomes].map(([what, times]) => `${times} ${what}`).join(", ")}`,
    );
  outcomes.clear();
}

const only = (/** @type {{ call: string, n: number }} */ { call, n }) =>
  (values.call === undefined || call === values.call) && (n - 1) % every === 0;
/** Each engine measures anew. */
const measured = {
  scenario: product,
  options: () => ({ tune: { budget: 500, folder: mkdtempSync(join(tmpdir(), "wgrad-faults-")) } }),
};
const how = { only, ...(values.product && measured) };
for await (const { call, n, fault, outcome, problems } of walk({ ...wgrad, dataset }, create([]), how)) {
  sites++;
  if (kind !== `${call} ${fault}`) {
    printKind();
    kind = `${call} ${fault}`;
  }
  const short = outcome.replace(/:.*/s, "");
  outcomes.set(short, (outcomes.get(short) ?? 0) + 1);
  if (values.verbose) console.log(`${kind} ${n}: ${outcome}`);
  for (const problem of problems) console.log(`PROBLEM at ${kind} ${n} (${outcome}): ${problem}`);
  if (problems.length > 0) bad++;
}
printKind();
console.log(
  `${sites} call sites in ${((performance.now() - began) / 1000).toFixed(0)} s, ${bad} with problems`,
);
if (bad > 0) process.exitCode = 1;

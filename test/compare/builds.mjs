/**
 * Compares what two builds make of the same programs on both engines: the shader of every launch, the losses, and all
 * weights, to the bit.
 *
 *   node test/compare/builds.mjs BEFORE AFTER [--only PATTERN] [--engine gpu|cpu]
 *   node test/compare/builds.mjs BEFORE --record FILE      keeps what a build gives
 *
 * BEFORE and AFTER are built checkouts, their `dist` folders, or such files. Ends with 1 where something differs for no
 * reason that reasons.mjs names, or does not differ in spite of one.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { compared, tableOf } from "./compare.mjs";
import { reasons } from "./reasons.mjs";
import { buildOf, ENTRIES, record } from "./record.mjs";

/** @typedef {import("./record.mjs").Recorded} Recorded */

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: "string", default: "" },
    engine: { type: "string", multiple: true, default: ["gpu", "cpu"] },
    record: { type: "string" },
  },
});

if (options.record) await keep(positionals[0], options.record);
else if (positionals.length === 2) compare(positionals[0], positionals[1]);
else {
  console.error("Usage: node test/compare/builds.mjs BEFORE AFTER [--only PATTERN] [--engine gpu|cpu]");
  process.exitCode = 2;
}

/** Records a build, and writes it down. */
async function keep(/** @type {string} */ build, /** @type {string} */ file) {
  const folder = [join(build, "dist"), build].find((place) => existsSync(join(place, "index.js")));
  if (!folder) throw new Error(`${build} has no built package; run npm run build there`);
  const load = async (/** @type {string} */ entry) =>
    import(pathToFileURL(resolve(folder, `${entry}.js`)).href);
  const entries = ENTRIES.map(async (entry) => [entry, await load(entry)]);
  const modules = { wgrad: await load("index"), ...Object.fromEntries(await Promise.all(entries)) };
  const only = new RegExp(options.only);
  const all = [];
  for (const engine of options.engine)
    all.push(...(await record(buildOf(modules), engine, { only: (name) => only.test(name) })));
  writeFileSync(file, JSON.stringify(all));
}

/** Each build in a process of its own: a build is not to find what another has compiled. */
function compare(/** @type {string} */ before, /** @type {string} */ after) {
  const folder = mkdtempSync(join(tmpdir(), "wgrad-builds-"));
  try {
    const [earlier, later] = [before, after].map((build, i) => {
      if (build.endsWith(".json")) return chosen(build);
      const file = join(folder, `${i}.json`);
      const filters = ["--only", options.only, ...options.engine.flatMap((engine) => ["--engine", engine])];
      const args = [fileURLToPath(import.meta.url), build, "--record", file, ...filters];
      // Tuned or not, the numbers are the same; the launches are not.
      const env = { ...process.env, WGRAD_TUNE: "off" };
      const { status } = spawnSync(process.execPath, args, { stdio: ["ignore", "inherit", "inherit"], env });
      if (status !== 0) throw new Error(`${build} could not be recorded`);
      return chosen(file);
    });
    const rows = compared(earlier, later, reasons);
    const faulty = rows.filter(({ faults }) => faults.length > 0);
    const programs = new Set([...earlier, ...later].map(({ program }) => program));
    console.log(tableOf(rows));
    console.log(
      `\n${programs.size} programs on ${options.engine.join(" and ")}, ${faulty.length} faulty lines`,
    );
    if (faulty.length > 0 || rows.length === 0) process.exitCode = 1;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Of a record, what was asked for. @returns {Recorded[]} */
function chosen(/** @type {string} */ file) {
  const only = new RegExp(options.only);
  const all = /** @type {Recorded[]} */ (JSON.parse(readFileSync(file, "utf8")));
  return all.filter(({ program, engine }) => only.test(program) && options.engine.includes(engine));
}

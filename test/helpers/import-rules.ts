/** Which part of the project may import which, as data, and the check of one file against it. */
import { posix } from "node:path";
import { readImports } from "./imports.ts";

/** A place is a file, a folder (ending in "/"), or a package with its entries (`wgrad/data` is one of `wgrad`). */
interface Rule {
  place: string;
  /** Besides the place itself, if that is a folder. */
  may: string[];
  /** For `import type` only. */
  mayType?: string[];
  /** For `import()` only; these are modules that exist outside browsers. */
  mayDynamically?: string[];
  /** Programs may use any npm package and Node itself; a library file may not, unless named above. */
  packages?: boolean;
}

/** What every file of the library may import. */
const EVERYWHERE = ["src/abort.ts", "src/checks.ts", "src/dtypes.ts", "src/text.ts", "src/turns.ts"];

/** What programs share with the library. */
const SHARED = "src/text.ts";

/** The first rule whose place holds a file counts. */
export const RULES: Rule[] = [
  { place: "src/wgsl.d.ts", may: [] },
  ...EVERYWHERE.map((place) => ({ place, may: [] })),
  { place: "src/program.ts", may: [] },
  { place: "src/random.ts", may: [] },
  { place: "src/environment.ts", may: [] },
  { place: "src/store.ts", may: ["src/environment.ts", "src/io/"], mayDynamically: ["node:"] },
  { place: "src/index.ts", may: ["src/"] },
  { place: "src/ops.ts", may: ["src/nn/graph/ops/"] },
  { place: "src/kernels/", may: ["shaders/", "src/program.ts", "src/random.ts"] },
  { place: "src/nn/graph/", may: ["src/kernels/", "src/program.ts", "src/random.ts"] },
  { place: "src/nn/model/", may: ["src/nn/graph/", "src/program.ts", "src/random.ts"] },
  {
    place: "src/nn/training/",
    may: ["src/nn/graph/", "src/nn/model/", "src/kernels/", "src/program.ts", "src/random.ts"],
  },
  {
    place: "src/runtime/",
    may: ["src/environment.ts", "src/kernels/", "src/program.ts", "src/random.ts", "src/store.ts"],
    mayDynamically: ["webgpu", "node:"],
  },
  // Loaded by those who unpack only. The package is built into it.
  { place: "src/data/gunzip.ts", may: ["src/data/", "pako"] },
  {
    place: "src/data/",
    may: ["src/environment.ts", "src/random.ts", "src/store.ts"],
    mayDynamically: ["node:"],
  },
  {
    place: "src/io/",
    may: ["src/environment.ts"],
    mayType: ["src/program.ts", "node:"],
    mayDynamically: ["node:"],
  },
  { place: "src/train/", may: ["src/"] },
  // Entries of their own, apart from what every page loads. The packages named are built into them.
  { place: "src/csv/", may: ["src/data/", "papaparse"] },
  { place: "src/linear/", may: ["src/data/", "ml-matrix"] },
  { place: "src/augment/preview.ts", may: ["src/"] },
  { place: "src/augment/", may: ["src/nn/", "src/program.ts"] },
  { place: "src/metrics/", may: ["src/nn/", "src/program.ts"], mayType: ["src/train/"] },
  { place: "src/callbacks/", may: ["src/io/", "src/train/monitor.ts"], mayType: ["src/train/"] },
  { place: "src/minimize/", may: ["src/nn/", "src/program.ts"], mayType: ["src/train/", "src/runtime/"] },
  {
    place: "src/inspect/",
    may: ["src/kernels/", "src/nn/", "src/program.ts", "src/runtime/"],
  },
  { place: "src/safetensors/", may: ["src/io/"] },
  {
    place: "src/wasm/",
    may: ["src/environment.ts", "src/kernels/", "src/program.ts", "src/random.ts", "src/runtime/"],
    mayDynamically: ["node:"],
  },
  { place: "src/search/", may: ["src/"] },
  // Shown before the library is loaded.
  { place: "presets/choices.ts", may: [] },
  { place: "presets/command.ts", may: ["wgrad", "charts/adapter.ts", "commander", "node:"] },
  { place: "presets/", may: ["wgrad"] },
  { place: "cli/", may: ["wgrad", "presets/", SHARED], packages: true },
  // It drives the Chromium that the set-up finds, and the tests use.
  { place: "bench/peers/hosts/chromium.ts", may: ["scripts/packages.mjs", "bench/"], packages: true },
  // The set-up installs what it compiles with.
  { place: "bench/isa/packages.ts", may: ["scripts/packages.mjs"], packages: true },
  { place: "charts/", may: [], packages: true },
  // The peak that the wasm engine is measured against is written with the engine's assembler.
  { place: "bench/ceiling/wasm.ts", may: ["wgrad", "src/wasm/"], packages: true },
  { place: "bench/", may: ["wgrad", "charts/", "presets/", SHARED], packages: true },
  // It compares what bench/peers/ compares, by the same code; what is named here runs in pages, too.
  {
    place: "demo/page/compare/",
    may: [
      "wgrad",
      "demo/page/",
      "bench/peers/",
      "bench/agreement.ts",
      "bench/statistics.ts",
      "charts/adapter.ts",
      "package.json",
    ],
    mayType: ["charts/numbers.ts"],
    packages: true,
  },
  { place: "demo/", may: ["wgrad", "charts/", "presets/", SHARED], packages: true },
];

/** What is wrong with the imports of one file: one sentence each, naming file, import and rule. */
export function importErrors(file: string, code: string, rules = RULES): string[] {
  const rule = rules.find(({ place }) => holds(place, file));
  if (!rule) return [`${file}: no rule says what it may import; add one to ${RULES_FILE}`];

  return readImports(code, file).flatMap(({ specifier, kind }) => {
    const target = targetOf(file, specifier);
    const allowed = [
      ...rule.may,
      ...(file.startsWith("src/") ? EVERYWHERE : []),
      ...(rule.place.endsWith("/") ? [rule.place] : []),
      ...(kind === "type" ? (rule.mayType ?? []) : []),
      ...(kind === "dynamic" ? (rule.mayDynamically ?? []) : []),
    ];
    const isPackage = !specifier.startsWith(".");
    if (allowed.some((place) => holds(place, target)) || (rule.packages && isPackage)) return [];
    return [`${file}: ${kind} import of "${specifier}" (${target}); the rule: ${describe(rule)}`];
  });
}

const RULES_FILE = "test/helpers/import-rules.ts";

function holds(place: string, target: string): boolean {
  return place === target || target.startsWith(/[/:]$/.test(place) ? place : `${place}/`);
}

/** A relative import as a path from the repository's root, any other as it is. */
function targetOf(file: string, specifier: string): string {
  if (!specifier.startsWith(".")) return specifier;
  return posix.join(posix.dirname(file), specifier.replace(/\?.*$/, ""));
}

function describe({ place, may, mayType = [], mayDynamically = [], packages }: Rule): string {
  const parts = [
    ...may,
    ...(place.endsWith("/") ? ["itself"] : []),
    ...mayType.map((target) => `types of ${target}`),
    ...mayDynamically.map((target) => `dynamically ${target}`),
    ...(packages ? ["packages"] : []),
  ];
  return `${place} imports ${parts.join(", ") || "nothing"}`;
}

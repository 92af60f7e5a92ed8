/** Reports of a contest: the common parts of its tables, charts and objects. */
import type { BarsSpec, Value } from "../../charts/spec.ts";
import { table } from "../../src/text.ts";
import { significant } from "../measure.ts";
import { CONTENDERS, type Entry, fastestPeer, libraryName, type Measured } from "./contest.ts";

/** A column of measurements: its heading and its cells. */
type Column = readonly [name: string, cell: (entry: Measured) => string];

/** A table with a row for each candidate, what is to say of those that fail, and how wgrad compares. */
export function contestLines(entries: readonly Entry[], columns: readonly Column[]): string[] {
  const all: Column[] = [
    ...columns,
    ["wgrad is … times as fast", ({ name, ratio }) => (name === "wgrad" ? "" : significant(ratio))],
    ["in pairs", ({ name, pairedRatio }) => (name === "wgrad" ? "" : significant(pairedRatio))],
  ];
  const rows = entries.map((entry) => [
    libraryName(entry.name),
    CONTENDERS[entry.name].backend,
    ...all.map(([, cell], i) => (entry.fails === undefined ? cell(entry) : i === 0 ? "fails" : "")),
  ]);
  return [
    ...table([["candidate", "backend", ...all.map(([name]) => name)], ...rows]),
    ...entries.flatMap(({ name, fails }) => (fails === undefined ? [] : [`${name} fails: ${fails}`])),
    "",
    ...comparison(entries),
  ];
}

/** Sentences that compare wgrad with the fastest peer of either kind. */
function comparison(entries: readonly Entry[]): string[] {
  const parts = (["webgpu", "wasm"] as const).flatMap((backend) => {
    const peer = fastestPeer(entries, backend);
    if (!peer) return [];
    const kind = backend === "webgpu" ? "WebGPU" : "wasm";
    return [
      `${significant(peer.ratio)} times as fast as the fastest ${kind} peer (${libraryName(peer.name)})`,
    ];
  });
  return parts.length > 0 ? [`wgrad is ${parts.join(", ")}.`] : [];
}

/** A bar for each candidate that did not fail. */
export function contestChart(
  entries: readonly Entry[],
  { title, axis, value }: { title: string; axis: BarsSpec["value"]; value: (entry: Measured) => Value },
): BarsSpec {
  const shown = entries.flatMap((entry) => (entry.fails === undefined ? [entry] : []));
  return {
    kind: "bars",
    title,
    categories: shown.map(({ name }) => `${libraryName(name)}, ${CONTENDERS[name].backend}`),
    value: axis,
    series: [{ name: axis.name, values: shown.map(value) }],
  };
}

/** A candidate for programs. */
export function entryObject(entry: Entry) {
  return { library: libraryName(entry.name), backend: CONTENDERS[entry.name].backend, ...entry };
}

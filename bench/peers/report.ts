/** Reports of a contest: the common parts of its tables, charts and objects. */
import type { BarsSpec, Value } from "../../charts/spec.ts";
import { table } from "../../src/text.ts";
import { significant } from "../measure.ts";
import {
  backendName,
  CONTENDERS,
  type ContenderName,
  type Entry,
  fastestPeer,
  isOwn,
  libraryName,
  type Measured,
  NO_ADAPTER,
  referenceOf,
} from "./contest.ts";

/** A column of measurements: its heading and its cells. */
type Column = readonly [name: string, cell: (entry: Measured) => string];

/** " on llvmpipe", or nothing where all compute on the processor. */
export function adapterWords({ adapter }: { readonly adapter: string }): string {
  return adapter === NO_ADAPTER ? "" : ` on ${adapter}`;
}

/** A table with a row for each candidate, what is to say of those that fail, and how wgrad compares. */
export function contestLines(entries: readonly Entry[], columns: readonly Column[]): string[] {
  const reference = referenceOf(entries.map(({ name }) => name));
  const all: Column[] = [
    ...columns,
    [`${reference} is … times as fast`, ({ name, ratio }) => (name === reference ? "" : significant(ratio))],
    ["in pairs", ({ name, pairedRatio }) => (name === reference ? "" : significant(pairedRatio))],
  ];
  const rows = entries.map((entry) => [
    libraryName(entry.name),
    backendName(entry.name),
    ...all.map(([, cell], i) => (entry.fails === undefined ? cell(entry) : i === 0 ? "fails" : "")),
  ]);
  return [
    ...table([["candidate", "backend", ...all.map(([name]) => name)], ...rows]),
    ...entries.flatMap(({ name, fails }) => (fails === undefined ? [] : [`${name} fails: ${fails}`])),
    "",
    ...comparison(entries),
  ];
}

/** A sentence for each of wgrad's own, that compares it with the fastest peer of either kind. */
function comparison(entries: readonly Entry[]): string[] {
  const own = entries.filter(({ name, fails }) => isOwn(name) && fails === undefined);
  return own.flatMap(({ name }) => {
    const parts = (["webgpu", "wasm"] as const).flatMap((backend) => {
      const peer = fastestPeer(entries, backend);
      if (!peer) return [];
      const kind = backend === "webgpu" ? "WebGPU" : "wasm";
      const ratio = ratioTo(peer, name);
      return [`${significant(ratio)} times as fast as the fastest ${kind} peer (${libraryName(peer.name)})`];
    });
    return parts.length > 0 ? [`${name} is ${parts.join(", ")}.`] : [];
  });
}

function ratioTo({ pairedRatio, pairedRatios }: Measured, own: ContenderName): number {
  return pairedRatios?.[own] ?? pairedRatio;
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
    categories: shown.map(({ name }) => `${libraryName(name)}, ${backendName(name)}`),
    value: axis,
    series: [{ name: axis.name, values: shown.map(value) }],
  };
}

/** A candidate for programs. */
export function entryObject(entry: Entry) {
  return { library: libraryName(entry.name), backend: CONTENDERS[entry.name].backend, ...entry };
}

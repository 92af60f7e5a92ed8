/**
 * wgrad beside its peers: other libraries that train in JavaScript, in Node and in a browser, on the same adapter in
 * the same run.
 *
 * Each candidate lives in a process or a page of its own. It shows first that it computes what wgrad computes, and one
 * that cannot do the work is told, too.
 */

import { type Command, InvalidArgumentError, Option } from "commander";
import { wholeNumber } from "../presets/command.ts";
import {
  batchOption,
  benchmark,
  modelOption,
  type NamedModel,
  note,
  type OutputFlags,
  outputOptions,
  seedOption,
} from "./options.ts";
import { CONTENDERS, type ContenderName, isOwn } from "./peers/contest.ts";
import type { Host } from "./peers/hosts/host.ts";
import { PLACES, type Where, withHost } from "./peers/hosts/open.ts";
import { matmulChart, matmulLines, matmulObject, measureMatmul } from "./peers/matmul.ts";
import {
  measureStartup,
  startupChart,
  startupLines,
  startupObject,
  WITHOUT_SHADER_CACHES,
} from "./peers/startup.ts";
import { measurePeers, type PeersResult, peersChart, peersLines, peersObject } from "./peers/training.ts";
import { publish, publishSoFar, type Report } from "./report.ts";

interface PeersFlags extends OutputFlags {
  readonly model: NamedModel;
  readonly batch?: number;
  readonly in: Where;
  readonly matmul?: number;
  readonly startup?: boolean;
  readonly candidates?: readonly ContenderName[];
  readonly steps?: number;
  readonly repetitions?: number;
  readonly seed: number;
}

const MAX_MATRIX = 8192;
const REPETITIONS = 7;
const STARTS = 3;

export function peersCommand(): Command {
  const command = benchmark("peers", "wgrad next to TensorFlow.js and jax-js: the same training step in each")
    .addOption(modelOption())
    .addOption(batchOption())
    .addOption(
      new Option("--in <host>", "host of the benchmark; chromium has no window")
        .choices(PLACES)
        .default("node"),
    )
    .addOption(
      new Option(
        "--matmul <n>",
        "products of n × n matrices instead, on WebGPU unless --candidates says more",
      )
        .argParser(wholeNumber(2, MAX_MATRIX))
        .conflicts(["model", "batch", "startup"]),
    )
    .addOption(
      new Option(
        "--startup",
        "from the start of a process, or a page, to its first training step instead",
      ).conflicts(["steps"]),
    )
    .addOption(
      new Option(
        "--candidates <names>",
        `which (default: all): ${names().join(",")}; the first of wgrad's is the one that others are compared to`,
      ).argParser(contenders),
    )
    .addOption(
      new Option("--steps <n>", "steps of one measurement (default: about a second's worth)").argParser(
        wholeNumber(1, 100_000),
      ),
    )
    .addOption(
      new Option(
        "--repetitions <n>",
        `measurements of each, in turn (default: ${REPETITIONS}; of starts ${STARTS})`,
      ).argParser(wholeNumber(1, 1000)),
    )
    .addOption(seedOption())
    .action(peers);
  for (const option of outputOptions()) command.addOption(option);
  return command;
}

function names(): ContenderName[] {
  return Object.keys(CONTENDERS) as ContenderName[];
}

/** Reads "wgrad-wasm,jax-wasm". @returns these in the order of the tables, with wgrad where none of its own is among them */
function contenders(text: string): ContenderName[] {
  const wanted = text.split(",");
  if (!wanted.every((name) => name in CONTENDERS))
    throw new InvalidArgumentError(`Expected names out of ${names().join(", ")} with commas between them.`);
  const own = names().some((name) => isOwn(name) && wanted.includes(name));
  return names().filter((name) => wanted.includes(name) || (name === "wgrad" && !own));
}

async function peers(flags: PeersFlags): Promise<void> {
  const measure = flags.startup ? startup : flags.matmul ? matmul : training;
  await publish(await measure(flags), flags);
}

async function training(flags: PeersFlags): Promise<Report> {
  const { model, batch = model.batch, in: where, repetitions = REPETITIONS } = flags;
  const contenders = flags.candidates ?? names();
  const options = { ...model, ...flags, contenders, batch, repetitions };
  const reportOf = (result: PeersResult): Report => ({
    name: `peers-${model.name}-${batch}-${where}`,
    lines: peersLines(result),
    object: peersObject(result),
    chart: peersChart(result),
  });
  const tell = (soFar: PeersResult) => publishSoFar(() => reportOf(soFar), flags);
  const measure = (host: Host) => measurePeers(host, options, note, tell);
  return reportOf(await withHost(where, contenders, note, measure));
}

async function matmul(flags: PeersFlags): Promise<Report> {
  const { matmul: size = 0, in: where, repetitions = REPETITIONS } = flags;
  const contenders = flags.candidates ?? names().filter((name) => CONTENDERS[name].backend === "webgpu");
  const options = { ...flags, contenders, size, repetitions };
  const result = await withHost(where, contenders, note, (host) => measureMatmul(host, options, note));
  return {
    name: `peers-matmul-${size}-${where}`,
    lines: matmulLines(result),
    object: matmulObject(result),
    chart: matmulChart(result),
  };
}

async function startup(flags: PeersFlags): Promise<Report> {
  const { model, batch = model.batch, in: where, repetitions = STARTS } = flags;
  const contenders = flags.candidates ?? names();
  const options = { ...model, ...flags, contenders, batch, repetitions };
  const measure = (host: Host) => measureStartup(host, options, note);
  const result = await withHost(where, contenders, note, measure, WITHOUT_SHADER_CACHES);
  return {
    name: `peers-startup-${model.name}-${batch}${where === "node" ? "" : `-${where}`}`,
    lines: startupLines(result),
    object: startupObject(result),
    chart: startupChart(result),
  };
}

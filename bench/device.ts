/** The device at hand: what WebGPU reports of it, and its measured peaks. */
import { execFile } from "node:child_process";
import { finished } from "node:stream/promises";
import { promisify } from "node:util";
import type { Command } from "commander";
import { type Ceiling, connect } from "wgrad";
import { measureCeiling } from "wgrad/inspect";
import { table } from "../src/text.ts";
import { formatCeiling } from "./ceiling.ts";
import { benchmark, type OutputFlags, outputOptions } from "./options.ts";
import { publish, publishSoFar, type Report } from "./report.ts";

export interface DeviceReport {
  readonly adapter: string;
  /** Vendor, architecture, driver, sizes of subgroups, and what else the adapter tells. */
  readonly info: Readonly<Record<string, string | number | boolean>>;
  /** The adapter's, of which wgrad's device has those that kernels use. */
  readonly features: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
  /** NVIDIA's own words on the GPU: name, driver, memory, highest clocks, power limit. */
  readonly nvidia?: string;
  readonly ceiling?: Ceiling;
}

/** Limits that decide how large a model and a kernel can be. */
const SHOWN_LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupsPerDimension",
  "maxImmediateSize",
];
const NVIDIA_QUERY = "name,driver_version,memory.total,clocks.max.sm,clocks.max.memory,power.limit";
/** Longer than a driver takes to wake up. */
const NVIDIA_MS = 20_000;

export function deviceCommand(): Command {
  const command = benchmark("device", "adapter, driver, features, limits and measured peaks")
    .option(
      "--hold",
      "instead, keeps the device open until stdin ends: some drivers take seconds to wake up a GPU",
    )
    .action(async ({ hold, ...flags }: OutputFlags & { readonly hold?: boolean }) => {
      await using engine = await connect();
      if (hold) {
        await finished(process.stdin.resume());
        return;
      }
      const adapter = engine.info.adapter;
      const known = { adapter, ...(await adapterReport()), nvidia: await nvidiaReport() };
      publishSoFar(() => deviceReport(known), flags);
      await publish(deviceReport({ ...known, ceiling: await measureCeiling(engine) }), flags);
    });
  for (const option of outputOptions()) command.addOption(option);
  return command;
}

/** Kept: a process may crash where Dawn's object is collected. */
let dawn: GPU | undefined;

/** From an adapter of its own: wgrad's device has no more than it asked for. */
async function adapterReport(): Promise<Pick<DeviceReport, "info" | "features" | "limits">> {
  const { create, globals } = await import("webgpu");
  Object.assign(globalThis, globals);
  dawn ??= create([]);
  const adapter = await dawn.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) return { info: {}, features: [], limits: {} };
  return {
    info: properties(adapter.info) as DeviceReport["info"],
    features: [...adapter.features].sort(),
    limits: properties(adapter.limits) as DeviceReport["limits"],
  };
}

/** What a WebGPU object tells by its getters. */
function properties(object: object): Record<string, unknown> {
  const names = Object.keys(Object.getOwnPropertyDescriptors(Object.getPrototypeOf(object)));
  const entries = names.map((name) => [name, (object as Record<string, unknown>)[name]] as const);
  return Object.fromEntries(
    entries.filter(([, value]) => ["string", "number", "boolean"].includes(typeof value)),
  );
}

async function nvidiaReport(): Promise<string | undefined> {
  try {
    const args = [`--query-gpu=${NVIDIA_QUERY}`, "--format=csv,noheader"];
    return (await promisify(execFile)("nvidia-smi", args, { timeout: NVIDIA_MS })).stdout.trim();
  } catch {
    return undefined;
  }
}

export function deviceReport(device: DeviceReport): Report {
  const { adapter, info, features, limits, nvidia, ceiling } = device;
  const shown = SHOWN_LIMITS.filter((name) => name in limits);
  return {
    name: "device",
    lines: [
      adapter,
      ...(nvidia === undefined ? [] : [nvidia]),
      ...(ceiling === undefined ? [] : [`This device: ${formatCeiling(ceiling)}`]),
      "",
      ...table(Object.entries(info).map(([name, value]) => [name, `${value}`])),
      "",
      ...table(shown.map((name) => [name, limits[name].toLocaleString("en-US")])),
      "",
      `Features: ${features.join(", ")}`,
    ],
    object: { benchmark: "device", ...device },
  };
}

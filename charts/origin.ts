/** The origin of numbers: the machine, the versions, the adapter and the command. */
import { existsSync, readFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";

export { adapterLine, isSoftware } from "./adapter.ts";

/** The machine that a number belongs to. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly platform: string;
  readonly node: string;
  /** The package that brings WebGPU (Dawn) to Node. */
  readonly webgpu: string;
  readonly wgrad: string;
}

export function machine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    platform: `${process.platform} ${process.arch}`,
    node: process.version,
    webgpu: versionIn(import.meta.resolve("webgpu")),
    wgrad: versionIn(import.meta.url),
  };
}

/** The version that the package.json says above or beside a module. */
function versionIn(module: string): string {
  for (let folder = new URL(".", module); folder.pathname !== "/"; folder = new URL("..", folder)) {
    const file = new URL("package.json", folder);
    if (existsSync(file)) return JSON.parse(readFileSync(file, "utf8")).version;
  }
  return "unknown";
}

export function machineLine({ cpu, cores, platform, node, webgpu, wgrad }: Machine): string {
  return `${cpu}, ${cores} cores, ${platform}, Node ${node}, webgpu ${webgpu}, wgrad ${wgrad}`;
}

/** The command to type for the same run of `program`. */
export function commandLine(args: readonly string[], program: string): string {
  const quoted = args.map((arg) =>
    /^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", `'\\''`)}'`,
  );
  return [program, ...quoted].join(" ");
}

/** Compiles the launches of steps for families of GPUs, and counts what their code issues. */
import { type Counts, innerLoop } from "./assembly.ts";
import { ceilingShare, lanesUsed, stepBound } from "./bound.ts";
import { type Compiled, compileFor } from "./compile.ts";
import type { Family } from "./families.ts";
import type { Launch, Step } from "./launches.ts";
import { type SpirvModule, toSpirv } from "./spirv.ts";

/** A launch, compiled for one family. */
export interface LaunchCode {
  readonly family: Family;
  /** Lanes of a wave. */
  readonly wave: number;
  /** Vector registers of a lane. */
  readonly registers: number;
  /** Vector registers that did not fit. */
  readonly spills: number;
  readonly scratchBytes: number;
  readonly workgroupBytes: number;
  readonly wavesPerSimd: number;
  readonly codeBytes: number;
  /** Share of lanes at work. */
  readonly lanes: number;
  /** Undefined where there is no disassembly. */
  readonly innerLoop?: Counts;
  /** Share of the f32 ceiling; undefined where the launch has no products, or where there is no disassembly. */
  readonly bound?: number;
}

export interface LaunchResult extends Omit<Launch, "code"> {
  /** Invocations of a workgroup, [x, y, z]. */
  readonly workgroup: readonly [number, number, number];
  /** For each family. */
  readonly code: readonly LaunchCode[];
}

export interface StepResult {
  readonly name: string;
  readonly title: string;
  readonly launches: readonly LaunchResult[];
  /** Share of the f32 ceiling over the products of the step, by family. */
  readonly bound: Readonly<Partial<Record<Family, number>>>;
}

export interface Examined {
  readonly steps: readonly StepResult[];
  /** "Mesa 25.0.7" */
  readonly driver: string;
  /** Disassemblies, by step, launch and family: "conv-05-matmulTiled-navi31". */
  readonly assembly: Readonly<Record<string, string>>;
}

/**
 * @param manifest the file by which the Vulkan loader finds RADV
 * @throws Error where a compiler refuses a launch, naming it
 */
export async function examine(
  steps: readonly Step[],
  families: readonly Family[],
  manifest: string,
): Promise<Examined> {
  const launches = steps.flatMap((step) =>
    step.launches.map((launch) => ({ ...launch, name: `${step.name}, ${launch.name}` })),
  );
  const modules = await toSpirv(launches);
  const names = launches.map(({ name }) => name);
  const all = await Promise.all(families.map((family) => compileFor(family, modules, names, manifest)));
  const assembly: Record<string, string> = {};
  let place = 0;
  const results = steps.map(({ name, title, launches }): StepResult => {
    const examined = launches.map(({ code: _, ...launch }) => {
      const compiled = all.map((one) => one.compiled[place]);
      const result = launchResult(launch, modules[place], families, compiled);
      compiled.forEach((one, i) => {
        if (one.assembly) assembly[`${name}-${launch.name}-${families[i]}`] = one.assembly;
      });
      place++;
      return result;
    });
    return { name, title, launches: examined, bound: boundsOf(examined, families) };
  });
  return { steps: results, driver: all[0].driver, assembly };
}

function launchResult(
  launch: Omit<Launch, "code">,
  { workgroup }: SpirvModule,
  families: readonly Family[],
  compiled: readonly Compiled[],
): LaunchResult {
  const [x, y, z] = workgroup;
  const { products = true } = launch;
  const codeOf = (one: Compiled, i: number) => launchCode(families[i], one, x * y * z, products);
  return { ...launch, workgroup, code: compiled.map(codeOf) };
}

function launchCode(
  family: Family,
  { wave, statistics, assembly }: Compiled,
  invocations: number,
  products: boolean,
): LaunchCode {
  const statistic = (name: string) => {
    const value = statistics[name];
    if (value === undefined) throw new Error(`this version of RADV does not tell "${name}" of its code`);
    return value;
  };
  const scratchBytes = statistic("Scratch size");
  const lanes = lanesUsed(invocations, wave);
  const counts = assembly === "" ? undefined : innerLoop(assembly);
  return {
    family,
    wave,
    registers: statistic("VGPRs"),
    spills: statistic("Spilled VGPRs"),
    scratchBytes,
    workgroupBytes: statistic("LDS size"),
    wavesPerSimd: statistic("Subgroups per SIMD"),
    codeBytes: statistic("Code size"),
    lanes,
    innerLoop: counts,
    bound:
      products && counts && counts.multiplyAdds > 0 ? ceilingShare(counts, lanes, scratchBytes) : undefined,
  };
}

function boundsOf(launches: readonly LaunchResult[], families: readonly Family[]): StepResult["bound"] {
  const bounds: Partial<Record<Family, number>> = {};
  families.forEach((family, i) => {
    const bound = stepBound(launches.map(({ flops, code }) => ({ flops, bound: code[i].bound })));
    if (bound !== undefined) bounds[family] = bound;
  });
  return bounds;
}

/**
 * What wide devices are given fills their waves, and what compilers of three generations of AMD's GPUs make of the
 * weightiest products and convolutions leaves most of the f32 ceiling.
 */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { launchDetails, programFor } from "wgrad/inspect";
import { lanesUsed } from "../../../bench/isa/bound.ts";
import type { StepResult } from "../../../bench/isa/examine.ts";
import { type Launch, stepChoice, stepOn, writeFolder } from "../../../bench/isa/launches.ts";
import { findCompilers } from "../../../scripts/packages.mjs";
import { runScript } from "../../helpers/command.ts";
import { needsBuild, useTemporaryFolder } from "../../helpers/programs.ts";

const MINUTES = 60_000;
const LIMITS = { workgroupBytes: 32_768, workgroupInvocations: 1024 };
const DEVICES = { "of varying subgroups": LIMITS, "of subgroups of 32": { ...LIMITS, subgroupSize: 32 } };
/** Lanes of the widest waves. */
const WAVE = 64;

needsBuild();
const folder = useTemporaryFolder();

describe.each(Object.entries(DEVICES))("on a wide device %s", (_device, traits) => {
  it.each(["mlp", "conv", "30", "transformer"])("each launch of %s fills its waves", async (name) => {
    const { program } = await stepChoice(name).open(stepChoice(name).batch);
    const idle = launchDetails(programFor(program, traits)).flatMap(({ name, workgroup, dispatches }) => {
      const elements = dispatches
        .flatMap(({ writes }) => writes)
        .reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0);
      const lanes = lanesUsed(workgroup[0] * workgroup[1] * workgroup[2], WAVE);
      return elements >= WAVE && lanes < 0.9
        ? [`${name}: ${workgroup.join("×")} for ${elements} elements`]
        : [];
    });
    expect(idle).toEqual([]);
  });
});

/** FLOPs; of these steps, the products below have few rows or columns. */
const HEAVY = 1e6;
const STEPS = ["mlp", "conv", "transformer"];

/** Of all steps, in any of the devices; equal shaders once. */
async function weightiest(): Promise<Launch[]> {
  const launches = new Map<string, Launch>();
  for (const [device, traits] of Object.values(DEVICES).entries()) {
    for (const name of STEPS) {
      const step = await stepOn(traits, stepChoice(name));
      const products = step.launches.filter(({ useful, flops }) => useful !== undefined && flops >= HEAVY);
      for (const launch of products) {
        const own = { ...launch, name: `${name}-${device}-${launch.name}` };
        if (!launches.has(launch.code)) launches.set(launch.code, own);
      }
    }
  }
  return [...launches.values()];
}

/** Least bounds, as shares of the f32 ceiling, and least waves of a SIMD. */
const LEAST = {
  navi31: { bound: 0.85, waves: 8 },
  navi21: { bound: 0.85, waves: 8 },
  vega10: { bound: 0.75, waves: 1 },
} as const;

describe(`products and convolutions of ${STEPS.join(", ")}`, () => {
  const { assembler, radv } = findCompilers();

  it.skipIf(!assembler || !radv)(
    "leave most of the f32 ceiling, in registers (where the compilers are: node scripts/setup.mjs --for isa)",
    async () => {
      const launches = await weightiest();
      expect(launches.length).toBeGreaterThanOrEqual(16);
      const heavy = join(folder.path, "heavy");
      await writeFolder(heavy, { name: "heavy", title: "", launches });
      const args = ["isa", heavy, "--families", Object.keys(LEAST).join(","), "--json", "--out", folder.path];
      const { exitCode, stdout, stderr } = await runScript("bench/main.ts", args);
      expect(exitCode, stderr).toBe(0);
      const [step]: StepResult[] = JSON.parse(stdout).steps;
      expect(step.launches).toHaveLength(launches.length);
      const failing = step.launches.flatMap(({ name, title, code }) =>
        code.flatMap(({ family, bound = 0, lanes, wavesPerSimd, spills, scratchBytes }) => {
          const least = LEAST[family as keyof typeof LEAST];
          const fine =
            bound >= least.bound &&
            wavesPerSimd >= least.waves &&
            lanes >= 0.9 &&
            spills === 0 &&
            scratchBytes === 0;
          const figures = JSON.stringify({ bound, lanes, wavesPerSimd, spills, scratchBytes });
          return fine ? [] : [`${name}, ${title}, ${family}: ${figures}`];
        }),
      );
      expect(failing).toEqual([]);
    },
    3 * MINUTES,
  );
});

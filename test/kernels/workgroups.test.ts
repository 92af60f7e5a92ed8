/** Workgroups: on wide devices none in which most lanes idle, and on all as much memory as kernels declare. */
import { describe, expect, it } from "vitest";
import { kernels } from "../../src/kernels/index.ts";
import { type DeviceTraits, SMALL_WORKGROUP_BYTES } from "../../src/kernels/kernel.ts";
import { specialiseLaunch } from "../../src/kernels/specialise.ts";
import { variantsOf } from "../../src/kernels/variants.ts";
import { programRun } from "../helpers/kernel-run.ts";
import { workgroupMemory } from "../helpers/workgroup-memory.ts";
import { kernelCases } from "./cases/index.ts";
import { WIDE } from "./cases/ways.ts";

/** Lanes of the narrowest waves. */
const WAVE = 32;
const NARROW: readonly DeviceTraits[] = [4, 8].map((subgroupSize) => ({
  narrow: true,
  subgroupSize,
  workgroupBytes: 16384,
  workgroupInvocations: 256,
}));

/** Each variant of the kernel's cases that one of the devices is given, once. */
function variantsFor(name: string, devices: readonly DeviceTraits[]) {
  return kernelCases[name].flatMap(({ name: size, run }) => {
    const { program } = programRun(run);
    const all = devices.flatMap((traits) => variantsOf(program.dispatches[0], traits));
    const distinct = new Map(all.map((one) => [JSON.stringify([one.kernel, one.constants]), one]));
    return [...distinct.values()].map((dispatch) => ({ size, program, dispatch }));
  });
}

/** The kernels that programs name: those that are variants of others, not of themselves alone, have cases of their own. */
function namedByPrograms(): string[] {
  const variants = new Set<string>();
  for (const name of Object.keys(kernelCases)) {
    for (const { dispatch } of variantsFor(name, [...WIDE, ...NARROW])) {
      if (dispatch.kernel !== name) variants.add(dispatch.kernel);
    }
  }
  return Object.keys(kernelCases).filter((name) => !variants.has(name));
}

describe.each(namedByPrograms())("the workgroups of %s", (name) => {
  it("fill a wave of wide devices", () => {
    const variants = variantsFor(name, WIDE);
    expect(variants.length).toBeGreaterThan(0);
    const small = variants.flatMap(({ size, dispatch: { kernel, constants } }) => {
      const [x, y] = kernels[kernel].workgroup(constants);
      return x * y < WAVE ? [`${kernel}, ${size}: ${x} × ${y}`] : [];
    });
    expect(small).toEqual([]);
  });

  it("take no more memory than is declared, where they share launches", () => {
    const more = variantsFor(name, [...WIDE, ...NARROW]).flatMap(({ size, program, dispatch }) => {
      const kernel = kernels[dispatch.kernel];
      if (!kernel.joinable) return [];
      const declared = kernel.workgroupBytes?.(dispatch.constants) ?? SMALL_WORKGROUP_BYTES;
      const bytes = workgroupMemory(specialiseLaunch(program, [dispatch]).code);
      return bytes > declared ? [`${dispatch.kernel}, ${size}: ${bytes} bytes, not ${declared}`] : [];
    });
    expect(more).toEqual([]);
  });
});

it("memory is counted for each array, by the constants of its size", () => {
  const code = `
    const SIDE = 6u;
    const COUNT = SIDE * (SIDE + 1u) / 4u;
    var<workgroup> sums: array<vec4<f32>, max(COUNT, 3u)>;
    var<workgroup> marks: array<atomic<u32>, select(COUNT, 2u, SIDE == 6u)>;`;
  expect(workgroupMemory(code)).toBe(16 * 10 + 4 * 2);
  expect(() => workgroupMemory("var<workgroup> sum: f32;")).toThrow("sum: f32 is no array");
});

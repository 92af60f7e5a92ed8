/** A step as a device that is not at hand would run it. */
import { describe, expect, it } from "vitest";
import { type Program, programCost, describe as programTable } from "../../src/index.ts";
import { launchDetails, memoryLayout, programFor } from "../../src/inspect/index.ts";
import { kernelNamed } from "../../src/kernels/index.ts";
import { useEngines } from "../helpers/engines.ts";
import { convNet, openStep } from "./samples.ts";

const engines = useEngines();

describe("programFor", () => {
  it("gives the launches of the engine that has these traits", async () => {
    const { gpu } = engines;
    const onGpu = await openStep(gpu, convNet());
    const onCpu = await openStep(engines.cpu, convNet());
    const codes = (program: Parameters<typeof launchDetails>[0]) =>
      launchDetails(program).map(({ code }) => code);
    const own = codes(onGpu.step.program);
    expect(codes(programFor(onCpu.step.program, gpu.traits))).toEqual(own);
    // Among them, whether step scalars are immediates.
    expect(codes(programFor(onCpu.step.program, { ...gpu.traits, immediates: false }))).not.toEqual(own);
    // What the CPU engine runs has no variant of a device.
    expect(codes(onCpu.step.program)).not.toEqual(own);
    onGpu.release();
    onCpu.release();
  });

  it("names the constants of each kernel that such a device gets", async () => {
    const { step, release } = await openStep(engines.cpu, convNet());
    const wide = programFor(step.program, { workgroupBytes: 32_768, workgroupInvocations: 1024 });
    release();
    const dispatches = launchDetails(wide).flatMap((launch) => launch.dispatches);
    expect(dispatches.map(({ kernel }) => kernel)).toContain("matmulTiled");
    for (const { kernel, constants } of dispatches)
      expect(Object.keys(constants).sort()).toEqual(Object.keys(kernelNamed(kernel).constants).sort());
  });

  it("refuses traits that no device has", async () => {
    const { step, release } = await openStep(engines.cpu, convNet());
    const limits = { workgroupBytes: 16_384, workgroupInvocations: 256 };
    const refused = (traits: object) => () => programFor(step.program, { ...limits, ...traits });
    expect(refused({ subgroup: 32 })).toThrow(
      'programFor: there is no option "subgroup"; there are narrow, subgroupSize',
    );
    for (const subgroupSize of [0, 7, 256, Number.NaN]) {
      expect(refused({ subgroupSize })).toThrow(
        `programFor: subgroupSize is ${subgroupSize}; give a power of two up to 128, or leave it out`,
      );
    }
    expect(refused({ subgroupSize: "32" })).toThrow('programFor: subgroupSize is "32"; give a number');
    expect(refused({ workgroupBytes: 1024 })).toThrow(
      "programFor: workgroupBytes is 1024; give a whole number",
    );
    expect(refused({ workgroupInvocations: undefined })).toThrow(
      "programFor: workgroupInvocations is undefined",
    );
    release();
  });

  it("is for programs, as all that looks at one", async () => {
    const { step, release } = await openStep(engines.cpu, convNet());
    const limits = { workgroupBytes: 16_384, workgroupInvocations: 256 };
    const none = step as unknown as Program;
    const given = /: the program is .+; give a compiled step's program, as step\.program$/;
    for (const look of [launchDetails, memoryLayout, programTable, programCost, programFor]) {
      expect(() => look(none, limits as never)).toThrow(given);
      expect(() => look(undefined as never, limits as never)).toThrow(
        `${look.name}: the program is undefined`,
      );
    }
    release();
  });
});

/** The launches of a step as data: what is said is what runs. */
import { expect, it } from "vitest";
import { programCost } from "../../src/inspect/describe.ts";
import { launchDetails } from "../../src/inspect/launches.ts";
import { kernelNamed } from "../../src/kernels/index.ts";
import { launchesOf } from "../../src/program.ts";
import { connect } from "../../src/runtime/gpu/connect.ts";
import { ENGINES, useEngines } from "../helpers/engines.ts";
import { convNet, openStep, stack } from "./samples.ts";

const engines = useEngines();

it("gives the very WGSL that the device compiles, once for each pipeline", async () => {
  const engine = await connect();
  const codes: string[] = [];
  let pipelines = 0;
  const { device } = engine;
  const { createShaderModule, createComputePipelineAsync } = device;
  device.createShaderModule = (descriptor) => {
    codes.push(descriptor.code);
    return createShaderModule.call(device, descriptor);
  };
  device.createComputePipelineAsync = (descriptor) => {
    pipelines++;
    return createComputePipelineAsync.call(device, descriptor);
  };
  try {
    const { step } = await openStep(engine, convNet());
    const launches = launchDetails(step.program);
    const firsts = launches.filter(
      ({ pipeline }, i) => launches.findIndex((other) => other.pipeline === pipeline) === i,
    );
    expect(firsts.map(({ code }) => code)).toEqual(codes);
    expect(firsts.map(({ pipeline }) => pipeline)).toEqual(Array.from({ length: pipelines }, (_, i) => i));
    expect(launches.every(({ code }) => code.includes("@compute"))).toBe(true);
  } finally {
    await engine.destroy();
  }
});

it.each(ENGINES)("has names, costs, grids and memory of each launch on the %s", async (kind) => {
  const { step, release } = await openStep(engines[kind], convNet());
  const { program } = step;
  const launches = launchDetails(program);
  release();
  const groups = launchesOf(program);
  expect(
    launches.map(({ dispatches }) => dispatches.map(({ kernel, label }) => ({ kernel, label }))),
  ).toEqual(groups.map((launch) => launch.map(({ kernel, label }) => ({ kernel, label }))));
  const { flops, bytes } = programCost(program);
  expect(launches.reduce((sum, launch) => sum + launch.flops, 0)).toBeCloseTo(flops, 6);
  expect(launches.reduce((sum, launch) => sum + launch.bytes, 0)).toBe(bytes);
  launches.forEach(({ name, grid, workgroup, bindings, dispatches }, i) => {
    const [first, ...others] = groups[i];
    const kernel = kernelNamed(first.kernel);
    expect(name).toMatch(/^\w+ \(.*\)/);
    if (others.length === 0) expect(grid).toEqual(kernel.grid(first.constants));
    const groupsOf = (size: readonly number[]) => size.reduce((product, count) => product * count, 1);
    const parts = dispatches.reduce((sum, dispatch) => sum + groupsOf(dispatch.grid), 0);
    expect(parts).toBeGreaterThan(0);
    expect(groupsOf(grid)).toBeGreaterThanOrEqual(parts);
    dispatches.forEach(({ kernelFlops, flops, constants: told }, part) => {
      const { kernel, constants } = groups[i][part];
      expect(kernelFlops).toBe(kernelNamed(kernel).flops(constants));
      expect(kernelFlops).toBeLessThanOrEqual(flops);
      expect(constants).toMatchObject(told);
    });
    expect(workgroup).toHaveLength(3);
    for (const size of workgroup) expect(size).toBeGreaterThanOrEqual(1);
    const declared = kernel.workgroup?.(first.constants);
    if (declared) expect(workgroup.slice(0, 2)).toEqual(declared);
    for (const { buffer, name, dtype, shape, bytes } of bindings) {
      expect(name).toBe(program.buffers[buffer].name);
      expect(bytes).toBe(shape.reduce((product, size) => product * size, dtype === "u8" ? 1 : 4));
    }
  });
  // Plain data, for workers.
  expect(structuredClone(launches)).toEqual(launches);
});

it("says what a dispatch reads, writes and has fused", async () => {
  const { step, release } = await openStep(engines.gpu, convNet());
  const launches = launchDetails(step.program);
  release();
  const dispatches = launches.flatMap((launch) => launch.dispatches);
  const hidden = dispatches.find(({ label }) => label === "4.dense");
  expect(hidden?.fused).toEqual({ store: ["add", "relu"] });
  expect(hidden?.reads.map(({ name, shape }) => `${name} ${shape}`)).toContain("parameters 24");
  expect(hidden?.writes.map(({ kind, shape }) => `${kind} ${shape}`)).toEqual(["temporary 16,24"]);
  const update = dispatches.find(({ label }) => label === "optimizer");
  expect(update?.reads.map(({ name }) => name)).toContain("gradients");
  expect(update?.writes.map(({ name }) => name)).toEqual(["parameters", "first", "second"]);
  const joined = launches.find((launch) => launch.dispatches.length > 1);
  expect(joined?.name).toContain(" + ");
  expect(joined?.entryPoint).toBe("launch");
  expect(joined?.bindings.map(({ variable }) => variable)).toContain("memory0");
});

it("finds which launches share a pipeline", async () => {
  const { step, release } = await openStep(engines.gpu, stack());
  const launches = launchDetails(step.program);
  release();
  const forward = launches.filter(({ name }) => /^\w+ \((3|5|7)\.dense\)$/.test(name));
  expect(forward).toHaveLength(3);
  expect(new Set(forward.map(({ pipeline }) => pipeline)).size).toBe(1);
  expect(new Set(forward.map(({ code }) => code)).size).toBe(1);
  expect(new Set(launches.map(({ pipeline }) => pipeline)).size).toBeLessThan(launches.length);
});

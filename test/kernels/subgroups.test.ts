/** Lanes that exchange values within subgroups give the results of those that meet in workgroup memory, to the bit. */
import { describe, expect, it } from "vitest";
import { kernels } from "../../src/kernels/index.ts";
import type { Constants, DeviceTraits } from "../../src/kernels/kernel.ts";
import { withSubgroup } from "../../src/kernels/lanes.ts";
import { REDUCE_MODES, reduceConstants } from "../../src/kernels/reduce.ts";
import { variantsOf } from "../../src/kernels/variants.ts";
import { type Dispatch, launchesOf, type Program } from "../../src/program.ts";
import { useEngines } from "../helpers/engines.ts";
import { type KernelRun, loadFrom, runKernel, storeTo } from "../helpers/kernel-run.ts";
import { uniform } from "../helpers/samples.ts";
import { runProgram } from "../platforms/programs.js";
import { kernelCases } from "./cases/index.ts";

const engines = useEngines();

/** Subgroups of the software GPU, as if it were a wide device. */
const SUBGROUP = 8;
const wide: DeviceTraits = { workgroupBytes: 16384, workgroupInvocations: 256 };

/** The constants of the variant for a wide device with such subgroups. */
function constantsOf(
  { run: { kernel, constants } }: { readonly run: KernelRun },
  subgroupSize?: number,
): Constants {
  const dispatch = { label: "", kernel, constants, hooks: {}, bindings: {} };
  return variantsOf(dispatch, { ...wide, subgroupSize })[0].constants;
}

/** Cases with their variants, one for each way in which lanes lie in the workgroup. */
const compared = Object.entries(kernelCases)
  .filter(([kernel]) => "SUBGROUP" in kernels[kernel].constants)
  .flatMap(([kernel, cases]) => {
    const ways = new Map(
      cases.map((one) => {
        const constants = constantsOf(one, SUBGROUP);
        const { LANES, LANE_STRIDE = 1, WORKGROUP, MODE = 0 } = constants;
        const way = `${kernel}: ${LANES} lanes, ${LANE_STRIDE} apart, of ${WORKGROUP}, mode ${MODE}`;
        return [way, { run: { ...one.run, constants } }] as const;
      }),
    );
    return [...ways].filter(([, { run }]) => run.constants.SUBGROUP > 1);
  });

/** Layouts that no size is given: with several lanes, and several results, in one subgroup. */
const layouts = [
  [2, 1, 64],
  [2, 4, 64],
  [2, 64, 128],
  [4, 2, 64],
  [4, 4, 64],
  [8, 2, 64],
  [16, 1, 256],
].flatMap(([LANES, LANE_STRIDE, WORKGROUP]) => {
  const MODES = Object.values(REDUCE_MODES);
  const cases = MODES.map((mode) =>
    kernelCases.reduce.find(({ run }) => run.constants.MODE === mode && run.constants.CHUNK > 100),
  );
  return cases.map((one, mode) => {
    const { run } = one ?? kernelCases.reduce[0];
    const constants = { ...run.constants, LANES, LANE_STRIDE, WORKGROUP, SUBGROUP };
    const [GROUPS_X] = kernels.reduce.grid(constants);
    return [
      `reduce: ${LANES} lanes, ${LANE_STRIDE} apart, of ${WORKGROUP}, mode ${mode}`,
      { run: { ...run, constants: { ...constants, GROUPS_X } } },
    ] as const;
  });
});

describe("lanes of subgroups", () => {
  it.each([...compared, ...layouts])("%s", async (_way, { run }) => {
    const found = await runKernel(engines.gpu, run);
    const want = await runKernel(engines.gpu, { ...run, constants: { ...run.constants, SUBGROUP: 1 } });
    for (const name of Object.keys(want)) {
      const differing = Array.from(want[name].keys()).filter(
        (i) => !Object.is(found[name][i], want[name][i]),
      );
      expect({ name, differing }).toEqual({ name, differing: [] });
    }
  });

  it("serve reductions that share a launch", async () => {
    const [size, rows] = [131, 5];
    const x = uniform([rows * size]).data;
    const constants = { ...reduceConstants("sum", { outer: rows, size, inner: 1 }), LANES: SUBGROUP };
    const bits = async (SUBGROUP: number) => {
      const view = (buffer: number, length: number) => ({ buffer, offset: 0, shape: [length] });
      const dispatch = (MODE: number, result: number, joined: boolean): Dispatch => ({
        label: `mode ${MODE}`,
        kernel: "reduce",
        constants: { ...constants, MODE, SUBGROUP, GROUPS_X: 1 },
        hooks: { element: loadFrom("operand0"), store: storeTo("result0") },
        bindings: { operand0: view(0, rows * size), result0: view(result, rows) },
        joined,
      });
      const buffer = (name: string, kind: "data" | "output", length: number) =>
        ({ name, kind, dtype: "f32", length }) as const;
      const program: Program = {
        name: "two reductions",
        buffers: [
          buffer("x", "data", rows * size),
          buffer("sums", "output", rows),
          buffer("places", "output", rows),
        ],
        dispatches: [dispatch(REDUCE_MODES.sum, 1, false), dispatch(REDUCE_MODES.argmax, 2, true)],
        scalars: [],
        outputs: { sums: view(1, rows), places: view(2, rows) },
      };
      expect(launchesOf(program)).toHaveLength(1);
      return runProgram(engines.gpu, { program, memory: { x }, steps: [{}] });
    };
    const found = await bits(SUBGROUP);
    expect(found).toEqual(await bits(1));
    expect(found.sums.every((sum) => sum !== 0)).toBe(true);
  });

  it("change nothing but the combination", () => {
    for (const one of Object.values(kernelCases).flat()) {
      expect({ ...constantsOf(one, SUBGROUP), SUBGROUP: 1 }).toEqual({ ...constantsOf(one), SUBGROUP: 1 });
    }
  });

  it("are those of wide devices, where the workgroup has whole subgroups", () => {
    const constants = { LANES: 4, WORKGROUP: 64 };
    expect(withSubgroup(constants, { ...wide, subgroupSize: 32 })).toEqual({ ...constants, SUBGROUP: 32 });
    for (const traits of [
      wide,
      { ...wide, subgroupSize: 128 },
      { ...wide, subgroupSize: 32, narrow: true },
    ]) {
      expect(withSubgroup(constants, traits)).toEqual({ ...constants, SUBGROUP: 1 });
    }
    expect(withSubgroup({ ...constants, LANES: 1 }, { ...wide, subgroupSize: 32 }).SUBGROUP).toBe(1);
  });
});

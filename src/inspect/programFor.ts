/** A program as a device that is not at hand would run it. */
import { checkOptions, checkWhole } from "../checks.ts";
import { type DeviceTraits, MAX_WORKGROUP_BYTES } from "../kernels/kernel.ts";
import { variantsOf, withImmediates, withVariants } from "../kernels/variants.ts";
import type { Program } from "../program.ts";
import { checkGiven } from "./given.ts";

/** The least that a device of WebGPU has, in its compatibility mode as well. */
const LEAST_INVOCATIONS = 128;
const MOST_SUBGROUP = 128;

/**
 * The program as a GPU engine would run it on a device of these traits, before that engine has measured any variant.
 * `program` is that of a step on the CPU engine: a GPU engine's has the variants of its own device.
 * @throws TypeError where `program` is none, or the traits have an unknown name; RangeError where no device of WebGPU has such
 *   a size: `workgroupBytes` from 16384, `workgroupInvocations` from 128, `subgroupSize` a power of two up to 128
 */
export function programFor(program: Program, traits: DeviceTraits): Program {
  checkGiven("programFor", program);
  const { workgroupBytes, workgroupInvocations, subgroupSize, cores, immediates } = checkOptions(
    "programFor",
    traits,
    {
      narrow: "boolean",
      subgroupSize: "number",
      cores: "number",
      workgroupBytes: "number",
      workgroupInvocations: "number",
      immediates: "boolean",
    },
  );
  checkWhole("programFor: workgroupBytes", workgroupBytes, MAX_WORKGROUP_BYTES);
  checkWhole("programFor: workgroupInvocations", workgroupInvocations, LEAST_INVOCATIONS);
  if (subgroupSize !== undefined && !isPowerOfTwo(subgroupSize)) {
    throw new RangeError(
      `programFor: subgroupSize is ${subgroupSize}; give a power of two up to ${MOST_SUBGROUP}, or leave it out`,
    );
  }
  if (cores !== undefined) checkWhole("programFor: cores", cores);
  const own = immediates ? withImmediates(program) : program;
  return withVariants(own, (dispatch) => variantsOf(dispatch, traits)[0]);
}

function isPowerOfTwo(size: number): boolean {
  return size <= MOST_SUBGROUP && Number.isInteger(Math.log2(size)) && size >= 1;
}

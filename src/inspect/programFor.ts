/** A program as a device that is not at hand would run it. */
import { checkOptions, checkWhole } from "../checks.ts";
import type { DeviceTraits } from "../kernels/kernel.ts";
import { variantsOf, withVariants } from "../kernels/variants.ts";
import type { Program } from "../program.ts";

/**
 * The program as a GPU engine would run it on a device of these traits, before that engine has measured any variant.
 * `program` is that of a step on the CPU engine: a GPU engine's has the variants of its own device.
 * @throws TypeError where the traits have an unknown name; RangeError where a size in them is no whole number from 1
 */
export function programFor(program: Program, traits: DeviceTraits): Program {
  const { workgroupBytes, workgroupInvocations, subgroupSize, cores } = checkOptions("programFor", traits, {
    narrow: "boolean",
    subgroupSize: "number",
    cores: "number",
    workgroupBytes: "number",
    workgroupInvocations: "number",
  });
  checkWhole("programFor: workgroupBytes", workgroupBytes);
  checkWhole("programFor: workgroupInvocations", workgroupInvocations);
  if (subgroupSize !== undefined) checkWhole("programFor: subgroupSize", subgroupSize);
  if (cores !== undefined) checkWhole("programFor: cores", cores);
  return withVariants(program, (dispatch) => variantsOf(dispatch, traits)[0]);
}

/** Where numbers that change from step to step are: which slot of the step table, and how it is read. */
import type { StepScalar } from "../program.ts";

/** A number that is read both as a float and as an integer has a slot for each. */
export function slotOf(name: string, dtype: StepScalar["dtype"], scalars: readonly StepScalar[]): number {
  const slot = scalars.findIndex((scalar) => scalar.name === name && scalar.dtype === dtype);
  if (slot < 0) throw new Error(`the program has no step scalar "${name}" as ${dtype}`);
  return slot;
}

/** How a number is read: as the float that it is, where it is not only there as an integer. */
export function readAs(name: string, scalars: readonly StepScalar[]): StepScalar["dtype"] {
  return scalars.some((scalar) => scalar.name === name && scalar.dtype === "f32") ? "f32" : "u32";
}

/** Generations of AMD's GPUs that RADV compiles for, by its names for one chip of each. */
import { InvalidArgumentError } from "commander";

export const FAMILIES = {
  navi31: "RDNA 3",
  navi21: "RDNA 2",
  vega10: "GCN 5",
  gfx1201: "RDNA 4",
} as const;
export type Family = keyof typeof FAMILIES;

/** Those that the disassembler of older systems knows, too. */
export const DEFAULT_FAMILIES: readonly Family[] = ["navi31", "navi21", "vega10"];

/** Reads "navi31,vega10". @throws InvalidArgumentError */
export function families(text: string): Family[] {
  const names = text.split(",").map((name) => name.trim());
  if (!names.every((name): name is Family => Object.hasOwn(FAMILIES, name)))
    throw new InvalidArgumentError(`Expected names out of ${Object.keys(FAMILIES).join(", ")}.`);
  return [...new Set(names)];
}

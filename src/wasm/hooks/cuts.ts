/** Where the maps of hooks cut positions: between digits that begin there, nothing needs to be divided. */
import type { Hook } from "../../program.ts";

/** Digits are at least this long: shorter ones cost more than divisions of vectors. */
const SHORTEST = 8;

/** The strides, in the hook's own positions, at which its maps cut. */
export function cutsOf({ code }: Hook): number[] {
  const found = new Set<number>();
  /** Adds a cut of the positions that an instruction gives, as cuts of the hook's own. */
  const add = (at: number, cut: number): void => {
    const instruction = code[at];
    if (instruction.op === "index") found.add(cut);
    if (instruction.op !== "map") return;
    for (const { div, mod, mul } of instruction.terms) {
      const steps = cut / Math.abs(mul);
      if (Number.isInteger(steps) && (mod === 0 || steps < mod)) add(instruction.from, div * steps);
    }
  };
  for (const instruction of code) {
    if (instruction.op !== "map") continue;
    for (const { div, mod } of instruction.terms) {
      add(instruction.from, div);
      if (mod !== 0) add(instruction.from, div * mod);
    }
  }
  return [...found];
}

/**
 * Strides of a position's digits, the innermost last, for a size and the cuts of hooks: each is a multiple of the next
 * one, and the last is 1. So lines along the innermost digit are long, or consist of whole vectors.
 */
export function stridesFor(size: number, cuts: readonly number[]): number[] {
  const strides = [1];
  for (const cut of [...cuts].sort((a, b) => a - b)) {
    const isLong = strides.length > 1 || cut >= SHORTEST || cut % 4 === 0;
    if (cut > strides[0] && cut < size && cut % strides[0] === 0 && isLong) strides.unshift(cut);
  }
  return strides;
}

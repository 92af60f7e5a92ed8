/** Checks of what is to be looked at. */
import { inWords, isList } from "../checks.ts";
import type { Program } from "../program.ts";

/** @throws TypeError where `program` is no program, such as the step that has one */
export function checkGiven(owner: string, program: Program): void {
  const { dispatches, buffers } = (program ?? {}) as Partial<Program>;
  if (isList(dispatches) && isList(buffers)) return;
  throw new TypeError(
    `${owner}: the program is ${inWords(program)}; give a compiled step's program, as step.program`,
  );
}

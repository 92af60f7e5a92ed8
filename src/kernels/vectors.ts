/** Which hooks can be called for four elements at once, by which a device reads and writes memory in words of four. */
import type { Hook, Instruction } from "../program.ts";

/** What a register holds where a hook is called for four neighbours, the first at a multiple of four. */
export type Holding =
  /** Their positions, one after the other. */
  | "own"
  /** A position that they share. */
  | "place"
  /** A value that they share. */
  | "shared"
  /** A value of each. */
  | "vector";

/** What each register of a hook holds for four neighbours; undefined for a hook that is not for four at once. */
export function holdings({ code }: Hook): Holding[] | undefined {
  const held: (Holding | undefined)[] = [];
  const byBinding = new Map<string, Holding>();
  for (const instruction of code) held.push(holdingOf(instruction, held));
  code.forEach((instruction, i) => {
    if (instruction.op !== "load") return;
    const { binding } = instruction;
    if ((byBinding.get(binding) ?? held[i]) !== held[i]) held[i] = undefined;
    else byBinding.set(binding, held[i] as Holding);
  });
  return held.includes(undefined) ? undefined : (held as Holding[]);
}

function holdingOf(instruction: Instruction, held: readonly (Holding | undefined)[]): Holding | undefined {
  switch (instruction.op) {
    case "index":
      return "own";
    case "map": {
      const shared =
        held[instruction.from] === "place" || instruction.terms.every(({ div }) => div % 4 === 0);
      return shared ? "place" : undefined;
    }
    case "value":
      return "vector";
    case "constant":
    case "scalar":
      return "shared";
    case "load":
      return held[instruction.at] === "own" ? "vector" : held[instruction.at] && "shared";
    case "call":
      return instruction.args.some((arg) => held[arg] === "vector") ? "vector" : "shared";
    default:
      return undefined;
  }
}

/** Whether hooks can be called for four elements at once: they read their own, or what four neighbours share. */
export function fitVectors(hooks: readonly Hook[]): boolean {
  return hooks.every((hook) => holdings(hook) !== undefined);
}

/** The bindings of a hook that hold a vector for each call of it. */
export function vectorBindings(hook: Hook): string[] {
  const held = holdings(hook) ?? [];
  const loaded = hook.code.flatMap((instruction, i) =>
    instruction.op === "load" && held[i] === "vector" ? [instruction.binding] : [],
  );
  return [...new Set([...loaded, ...(hook.stores ?? []).map(({ binding }) => binding)])];
}

/** Finds hooks that can take four elements at once: devices access memory in words of four. */
import type { Hook, Instruction } from "../program.ts";

/** Content of a register where a hook is called for four neighbours, the first at a multiple of four. */
export type Holding =
  /** The four positions. */
  | "own"
  /** A shared position. */
  | "place"
  /** A shared value. */
  | "shared"
  /** Four values. */
  | "vector";

/** Contents of a hook's registers for four neighbours; undefined for a hook that cannot take four at once. */
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

/** Whether hooks can take four elements at once: they access their own elements, or values that four share. */
export function fitVectors(hooks: readonly Hook[]): boolean {
  return hooks.every((hook) => holdings(hook) !== undefined);
}

/** The bindings of a hook with a vector for each call. */
export function vectorBindings(hook: Hook): string[] {
  const held = holdings(hook) ?? [];
  const loaded = hook.code.flatMap((instruction, i) =>
    instruction.op === "load" && held[i] === "vector" ? [instruction.binding] : [],
  );
  return [...new Set([...loaded, ...(hook.stores ?? []).map(({ binding }) => binding)])];
}

/** Functions of a few instructions. */
const SHORT =
  /^(?:add|sub|mul|div|neg|square|squareRoot|absolute|relu|maximum|minimum|greater|equal|choose|zeroOf)$/;

/** Whether a hook has so many instructions that its code should be in a shader few times. */
export function isLongHook(hook: Hook | undefined): boolean {
  const isCostly = (instruction: Instruction) =>
    instruction.op === "random" || (instruction.op === "call" && !SHORT.test(instruction.fn));
  return hook?.code.some(isCostly) ?? false;
}

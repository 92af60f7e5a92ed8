/** The memory that a model takes on an engine, with that of its optimizer: flat arenas, by name. */
import { type ArenaEntry, type ArenaLayout, declaredLayout, type ModelLayout } from "../nn/model/layout.ts";
import type { Layer } from "../nn/model/model.ts";
import { type Optimizer, RESERVED } from "../nn/training/optimizer.ts";
import { blockValues } from "../nn/training/updates.ts";
import { elementCount, formatShape, type Shape } from "../program.ts";
import type { Engine, EngineBuffer } from "../runtime/engine.ts";
import type { MemoryRole } from "../runtime/ledger.ts";
import { checkSize } from "../runtime/limits.ts";

/** One arena: f32, zeros where nothing says what it holds at first. */
export interface Arena {
  readonly name: string;
  readonly length: number;
  readonly first?: () => Float32Array;
  /** Whether the next steps depend on what it holds after a step: then it is part of a snapshot. */
  readonly lasts?: boolean;
}

/**
 * The layout of a model's tensors.
 * @throws MemoryLimitError naming the largest tensor of an arena that the engine cannot hold, before any value is drawn
 */
export function placed(model: Layer, inputShape: Shape, engine: Engine): ModelLayout {
  const layout = declaredLayout(model, inputShape);
  checkArena("parameters", layout.parameters, engine);
  checkArena("statistics", layout.statistics, engine);
  return layout;
}

function checkArena(what: string, { specs, length }: ArenaLayout<ArenaEntry>, { info }: Engine): void {
  const sizes = specs.map(({ shape }) => elementCount(shape));
  const largest = specs[sizes.indexOf(Math.max(...sizes))];
  const name = `createTrainer: the memory of the model's ${what} (the largest is ${largest?.name} ${formatShape(largest?.shape ?? [])})`;
  checkSize(name, length * 4, info.maxBufferBytes, "use a smaller model");
}

/**
 * The arenas of a model, and of its optimizer. One without parameters or statistics has none for them: no buffer may be empty.
 * @throws Error naming a slot that is called like another arena
 */
export function arenasOf(
  { parameters, statistics }: ModelLayout,
  optimizer: Optimizer | undefined,
  seed: number,
): Arena[] {
  const all: Arena[] = [
    { name: "parameters", ...initialised(parameters, seed) },
    { name: "statistics", ...initialised(statistics, seed) },
    { name: "observed", length: statistics.length },
    ...(optimizer && parameters.length > 0 ? optimizerArenas(optimizer, parameters) : []),
  ];
  const slot = optimizer?.slots.find((name) => RESERVED.includes(name));
  if (slot !== undefined) {
    throw new Error(
      `createTrainer: the optimizer ${optimizer?.name} has a slot called "${slot}", as memory of the library is; give it another name`,
    );
  }
  return all.filter(({ length }) => length > 0);
}

function initialised(layout: ArenaLayout<ArenaEntry>, seed: number): Omit<Arena, "name"> {
  return { length: layout.length, first: () => layout.initialise(seed), lasts: true };
}

/** Further arenas of an optimizer: its numbers for each block, the gradients, and its slots. */
function optimizerArenas(optimizer: Optimizer, layout: ArenaLayout): Arena[] {
  const blocks = blockValues(layout, optimizer);
  const { length } = layout;
  return [
    { name: "blocks", length: blocks.length, first: () => blocks },
    { name: "gradients", length },
    ...optimizer.scratch.map((name) => ({ name, length })),
    ...optimizer.slots.map((name) => ({ name, length, lasts: true })),
  ];
}

/** Roles of arenas; those of all others are the optimizer's. */
const ROLES: ReadonlyMap<string, MemoryRole> = new Map([
  ["parameters", "parameters"],
  ["gradients", "gradients"],
  ["statistics", "statistics"],
  ["observed", "statistics"],
]);

/** What the memory of an arena is for. */
export function roleOf({ name }: Arena): MemoryRole {
  return ROLES.get(name) ?? "optimizer";
}

/** Puts arenas on an engine. Where one does not fit, none stays. */
export function allocate(engine: Engine, arenas: readonly Arena[]): Record<string, EngineBuffer> {
  const memory: Record<string, EngineBuffer> = {};
  try {
    for (const arena of arenas) {
      const { name, length, first } = arena;
      memory[name] = engine.buffer(name, "f32", length, undefined, roleOf(arena));
      // Values are drawn once there is room for them.
      if (first) memory[name].write(first());
    }
    return memory;
  } catch (error) {
    for (const buffer of Object.values(memory)) buffer.release();
    throw error;
  }
}

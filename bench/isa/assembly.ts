/** Reads the disassembly of a shader: what its inner loop issues. */

/** Instructions of a part of a shader, for one wave. */
export interface Counts {
  /** Multiply-adds; a pair that the compiler made of two counts twice. */
  readonly multiplyAdds: number;
  /** Turns of the vector unit. */
  readonly slots: number;
  /** Instructions of workgroup memory. */
  readonly workgroupAccesses: number;
  /** Loads from buffers. */
  readonly loads: number;
}

type Instruction = readonly string[];

/** A loop, and the loops in it. */
interface Loop {
  /** Blocks from `start` to `end`, which branches back. */
  readonly start: number;
  end: number;
  readonly inner: Loop[];
}

/**
 * One turn of the loop that adds up products, with all turns of loops in it whose number is a constant. Where an inner
 * loop's number of turns is not known, that loop counts by itself: it may take all the time. A loop that stores its
 * results, one after the other, is not the one. Of several loops, which the parts of a launch have side by side, the one
 * counts where multiply-adds are the smallest share; those with few of them do not. Where more multiply-adds stand
 * outside of loops than a turn has, loops were unrolled, and the whole shader counts.
 */
export function innerLoop(assembly: string): Counts {
  const shader = new Shader(assembly);
  const turns = shader.productLoops(shader.loops).map((loop) => shader.turn(loop));
  const most = Math.max(0, ...turns.map(({ multiplyAdds }) => multiplyAdds));
  const outside = shader.outside(0, shader.blocks.length - 1, shader.loops);
  if (most === 0 || outside.multiplyAdds > most) return shader.all;
  return turns
    .filter(({ multiplyAdds }) => multiplyAdds >= most * FEW)
    .reduce((worst, turn) => (share(turn) < share(worst) ? turn : worst));
}

/** Loops with less than this fraction of another's multiply-adds do not count: blocks of 4×4 beside those of 8×8 do. */
const FEW = 0.25;

const share = ({ multiplyAdds, slots }: Counts) => multiplyAdds / slots;

class Shader {
  readonly blocks: readonly (readonly Instruction[])[];
  /** Those that are in no other. */
  readonly loops: readonly Loop[];

  constructor(assembly: string) {
    // "BB3:", then its instructions, one a line, each with its encoding behind a semicolon.
    const [, ...parts] = assembly.split(/^BB(\d+):$/m);
    const blocks: Instruction[][] = [];
    const places = new Map<string, number>();
    for (let i = 0; i < parts.length; i += 2) {
      places.set(parts[i], blocks.length);
      const lines = parts[i + 1].split("\n").map((line) =>
        line
          .replace(/;.*/, "")
          .trim()
          .split(/[\s,]+/),
      );
      blocks.push(lines.filter(([name]) => name));
    }
    this.blocks = blocks;
    this.loops = nested(loopsOf(blocks, places));
  }

  get all(): Counts {
    return count(this.blocks.flat());
  }

  /** The blocks from `start` to `end` without those of loops in them. */
  outside(start: number, end: number, loops: readonly Loop[]): Counts {
    const isInside = (block: number) => loops.some((loop) => loop.start <= block && block <= loop.end);
    return count(this.blocks.slice(start, end + 1).flatMap((block, i) => (isInside(start + i) ? [] : block)));
  }

  /** The outermost loops with multiply-adds and without stores to buffers. */
  productLoops(loops: readonly Loop[]): Loop[] {
    return loops.flatMap((loop) => {
      const instructions = this.#instructions(loop);
      if (instructions.some(([name]) => STORES.test(name))) return this.productLoops(loop.inner);
      return count(instructions).multiplyAdds > 0 ? [loop] : [];
    });
  }

  #instructions({ start, end }: Loop): readonly Instruction[] {
    return this.blocks.slice(start, end + 1).flat();
  }

  turn(loop: Loop): Counts {
    let counts = this.outside(loop.start, loop.end, loop.inner);
    const unknown: Counts[] = [];
    for (const inner of loop.inner) {
      const turn = this.turn(inner);
      const turns = this.#turnsOf(inner);
      if (turns === undefined && turn.multiplyAdds > 0) unknown.push(turn);
      else counts = sum(counts, turn, turns ?? 1);
    }
    return unknown.reduce(
      (most, turn) => (turn.multiplyAdds > most.multiplyAdds ? turn : most),
      unknown[0] ?? counts,
    );
  }

  /**
   * The number of turns, where a scalar register that begins with a constant is changed by a constant in each turn, and
   * by nothing else, and compared with a constant: the least of several, as compilers of WGSL also count the turns of
   * loops, so that none is without an end.
   */
  #turnsOf(loop: Loop): number | undefined {
    const inside = this.#instructions(loop);
    const before = this.blocks.slice(0, loop.start).flat().reverse();
    const found = inside.flatMap(([name, register, limit]) => {
      if (!/^s_cmp_(lt|le|gt|ge|lg|eq)_[iu]32$/.test(name)) return [];
      const [change, ...others] = inside.filter((instruction) => writes(instruction, register));
      const begin = before.find((instruction) => writes(instruction, register));
      const from = begin && beginOf(begin);
      const step = change && others.length === 0 ? stepOf(change, register) : undefined;
      const to = constant(limit);
      if (step === undefined || from === undefined || to === undefined) return [];
      const turns = Math.ceil((to - from) / step);
      return turns > 0 ? [turns] : [];
    });
    return found.length > 0 ? Math.min(...found) : undefined;
  }
}

/** Whether a scalar register is an instruction's result, or a part of it, as s3 is of s[2:5]. */
function writes([name, target = ""]: Instruction, register: string): boolean {
  if (!name.startsWith("s_") || /^s_(cmp|bitcmp|c?branch|waitcnt|clause|delay)/.test(name)) return false;
  if (target === register) return true;
  const [, first, last] = /^s\[(\d+):(\d+)\]$/.exec(target) ?? [];
  const number = Number(register.slice(1));
  return Number(first) <= number && number <= Number(last);
}

/** What an instruction sets its scalar register to. */
function beginOf([name, , value]: Instruction): number | undefined {
  if (name === "s_movk_i32") return short(value);
  return name === "s_mov_b32" ? constant(value) : undefined;
}

/** What an instruction adds to its scalar register. */
function stepOf([name, , first, second]: Instruction, register: string): number | undefined {
  if (name === "s_addk_i32") return short(first);
  return /^s_add_[iu]32$/.test(name) && first === register ? constant(second) : undefined;
}

/** 16 bits with a sign, printed without it. */
function short(text: string | undefined): number | undefined {
  const value = constant(text);
  return value === undefined ? undefined : (value << 16) >> 16;
}

function constant(text: string | undefined): number | undefined {
  return text !== undefined && /^(-?\d+|0x[\da-f]+)$/i.test(text) ? Number(text) : undefined;
}

/** Each block that is branched back to, with the last block that does. */
function loopsOf(blocks: readonly (readonly Instruction[])[], places: ReadonlyMap<string, number>): Loop[] {
  const loops = new Map<number, Loop>();
  blocks.forEach((block, end) => {
    for (const [name, target = ""] of block) {
      const start = /^s_c?branch/.test(name) ? places.get(target.replace(/^BB/, "")) : undefined;
      if (start === undefined || start > end) continue;
      const loop = loops.get(start) ?? { start, end, inner: [] };
      loop.end = end;
      loops.set(start, loop);
    }
  });
  return [...loops.values()];
}

/** Puts loops into those around them, and returns the outermost. */
function nested(loops: readonly Loop[]): Loop[] {
  const outermost: Loop[] = [];
  for (const loop of [...loops].sort((a, b) => a.start - b.start)) {
    let siblings = outermost;
    for (let around = siblings.at(-1); around && loop.end <= around.end; around = siblings.at(-1)) {
      siblings = around.inner;
    }
    siblings.push(loop);
  }
  return outermost;
}

const STORES = /^(buffer|global)_(store|atomic)/;
/** Integer products take four turns, at a quarter of the rate. */
const QUARTER_RATE = /^v_mul_(lo|hi)_/;

function count(instructions: readonly Instruction[]): Counts {
  let [multiplyAdds, slots, workgroupAccesses, loads] = [0, 0, 0, 0];
  for (const [name, ...rest] of instructions) {
    if (name.startsWith("v_dual_")) {
      // Two operations in one instruction, "…first :: …second"; waves of 64 are paired by the hardware itself.
      slots += 2;
      multiplyAdds += [name, ...rest].filter((word) => /^v_dual_(fma|mac)/.test(word)).length;
    } else if (name.startsWith("v_")) {
      slots += QUARTER_RATE.test(name) ? 4 : 1;
      if (/^v_(fma|mac)/.test(name)) multiplyAdds++;
    }
    if (name.startsWith("ds_")) workgroupAccesses++;
    if (/^(buffer|global)_load/.test(name)) loads++;
  }
  return { multiplyAdds, slots, workgroupAccesses, loads };
}

function sum(a: Counts, b: Counts, times: number): Counts {
  return {
    multiplyAdds: a.multiplyAdds + b.multiplyAdds * times,
    slots: a.slots + b.slots * times,
    workgroupAccesses: a.workgroupAccesses + b.workgroupAccesses * times,
    loads: a.loads + b.loads * times,
  };
}

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

interface Block {
  readonly lines: readonly (readonly string[])[];
}

/**
 * The innermost loops with at least half as many multiply-adds as any loop has; of several, which the parts of a launch
 * have side by side, the one where multiply-adds are the smallest share of the slots. Where more than half of the
 * multiply-adds are in no loop, loops were unrolled, and the whole shader counts.
 */
export function innerLoop(assembly: string): Counts {
  const { blocks, loops } = readBlocks(assembly);
  const within = ({ start, end }: Loop) => count(blocks.slice(start, end + 1).flatMap(({ lines }) => lines));
  const whole = within({ start: 0, end: blocks.length - 1 });
  const counted = loops.map((loop) => ({ ...loop, counts: within(loop) }));
  const most = Math.max(0, ...counted.map(({ counts }) => counts.multiplyAdds));
  if (most === 0 || most * 2 < whole.multiplyAdds) return whole;
  const heavy = counted.filter(({ counts }) => counts.multiplyAdds * 2 >= most);
  const share = ({ multiplyAdds, slots }: Counts) => multiplyAdds / slots;
  return heavy
    .filter((loop) => !heavy.some((other) => other !== loop && contains(loop, other)))
    .map(({ counts }) => counts)
    .reduce((worst, counts) => (share(counts) < share(worst) ? counts : worst));
}

/** Blocks from `start` to `end`, which branches back. */
interface Loop {
  readonly start: number;
  readonly end: number;
}

/** Whether `inner` is a part of `outer`; of equal ones neither is. */
function contains(outer: Loop, inner: Loop): boolean {
  const equal = outer.start === inner.start && outer.end === inner.end;
  return !equal && outer.start <= inner.start && inner.end <= outer.end;
}

/** The blocks in order, and the loops: from a block to one behind it that branches back. */
function readBlocks(assembly: string) {
  // "BB3:", then its instructions, one a line, each with its encoding behind a semicolon.
  const [, ...parts] = assembly.split(/^BB(\d+):$/m);
  const blocks: Block[] = [];
  const places = new Map<string, number>();
  for (let i = 0; i < parts.length; i += 2) {
    places.set(parts[i], blocks.length);
    const lines = parts[i + 1].split("\n").map((line) => line.trim().split(/\s+/));
    blocks.push({ lines: lines.filter(([name]) => name) });
  }
  const loops = blocks.flatMap(({ lines }, end) =>
    lines.flatMap(([name, target = ""]) => {
      const start = /^s_c?branch/.test(name) ? places.get(target.replace(/^BB/, "")) : undefined;
      return start !== undefined && start <= end ? [{ start, end }] : [];
    }),
  );
  return { blocks, loops };
}

/** Integer products take four turns, at a quarter of the rate. */
const QUARTER_RATE = /^v_mul_(lo|hi)_/;

function count(lines: readonly (readonly string[])[]): Counts {
  let [multiplyAdds, slots, workgroupAccesses, loads] = [0, 0, 0, 0];
  for (const [name, ...rest] of lines) {
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

/** Joins dispatches that can run together: each joined dispatch saves a launch. */
import { isWritten } from "../../../kernels/index.ts";
import { canShareLaunch } from "../../../kernels/launch.ts";
import { type Dispatch, elementCount, independent, type Program, type View } from "../../../program.ts";

/** The same dispatches in an equivalent order, with as many as possible joined to those before them. */
export function joinDispatches({ buffers, dispatches }: Pick<Program, "buffers" | "dispatches">): Dispatch[] {
  let launch: Dispatch[] = [];
  return byLevel(dispatches).map((dispatch) => {
    const joined =
      launch.length > 0 &&
      launch.every((other) => independent(other, dispatch, isWritten)) &&
      canShareLaunch([...launch, dispatch], buffers);
    launch = joined ? [...launch, dispatch] : [dispatch];
    return joined ? { ...dispatch, joined } : dispatch;
  });
}

/**
 * Orders by the number of dispatches that each waits for in sequence: independent dispatches become neighbours, of the
 * same kernel where possible, and results are consumed early.
 */
function byLevel(dispatches: readonly Dispatch[]): Dispatch[] {
  const histories = new Map<number, History>();
  const historyOf = ({ buffer }: View) => {
    const known = histories.get(buffer) ?? new History();
    histories.set(buffer, known);
    return known;
  };
  const levels = dispatches.map((dispatch) => {
    const uses = Object.entries(dispatch.bindings).map(
      ([name, view]) => [historyOf(view), view, isWritten(dispatch, name)] as const,
    );
    const level = 1 + Math.max(-1, ...uses.map(([history, view, writes]) => history.before(view, writes)));
    for (const [history, view, writes] of uses) history.add(view, writes, level);
    return level;
  });
  return dispatches
    .map((dispatch, i) => ({ dispatch, level: levels[i], position: i }))
    .sort(
      (a, b) =>
        a.level - b.level || a.dispatch.kernel.localeCompare(b.dispatch.kernel) || a.position - b.position,
    )
    .map(({ dispatch }) => dispatch);
}

/** Accesses to one buffer so far, with their levels; the conflicts are those of {@link independent}. */
class History {
  /** Highest levels of reads and writes; −1 where there are none. */
  #read = -1;
  #written = -1;
  /** Level of the last write to each part; parts are in order and disjoint. */
  readonly #parts: { readonly start: number; readonly end: number; readonly level: number }[] = [];

  /** Highest level that an access to `view` must wait for. */
  before(view: View, writes: boolean): number {
    if (!writes) return this.#written;
    const { start, end } = extent(view);
    let level = this.#read;
    for (let i = this.#firstBehind(start); i < this.#parts.length && this.#parts[i].start < end; i++)
      level = Math.max(level, this.#parts[i].level);
    return level;
  }

  add(view: View, writes: boolean, level: number): void {
    if (!writes) {
      this.#read = Math.max(this.#read, level);
      return;
    }
    this.#written = Math.max(this.#written, level);
    const { start, end } = extent(view);
    const first = this.#firstBehind(start);
    let last = first;
    while (last < this.#parts.length && this.#parts[last].start < end) last++;
    // An access that waits for the old writes also waits for this one, which waited for them.
    const over = this.#parts.slice(first, last);
    const left = over.filter((part) => part.start < start).map((part) => ({ ...part, end: start }));
    const right = over.filter((part) => part.end > end).map((part) => ({ ...part, start: end }));
    this.#parts.splice(first, last - first, ...left, { start, end, level }, ...right);
  }

  /** The first part that ends after `start`. */
  #firstBehind(start: number): number {
    let [low, high] = [0, this.#parts.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#parts[middle].end > start) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

function extent({ offset, shape }: View): { start: number; end: number } {
  return { start: offset, end: offset + elementCount(shape) };
}

/**
 * The threads of a wasm engine: the one that opened it, and workers. A worker is started once; programs and runs reach it
 * through the memory that all share (`control.ts`). Whoever has come takes part in a run, and nobody is waited for.
 */
import { EngineError } from "../../runtime/engine.ts";
import { giveTurn, turnIsDue } from "../../turns.ts";
import type { CompiledProgram, StageRange } from "../compile.ts";
import { CONTROL_BYTES, RECORD, RECORD_BYTES, WORDS } from "../control.ts";
import type { Piece, WasmMemory } from "../memory.ts";
import type { Running } from "./worker.ts";
import { startsSlowly, startWorker, type Worker } from "./workers.ts";

/** A program that the threads can run. */
export interface Loaded {
  /** Number of threads that take part in a run that begins now. */
  readonly threads: number;
  /** Most that ever do: one where no launch has work for two. */
  readonly most: number;
  /**
   * Runs the steps from `from` up to, not including, `to`.
   * @param check called after each turn that the host was given; what it throws ends the run
   * @throws EngineError where a thread fails or is lost
   */
  run(from: number, to: number, check: () => void): Promise<void>;
  /** Runs one launch of a step. */
  launch(step: number, index: number, check: () => void): Promise<void>;
  /** Frees what threads hold of it; not while it runs. */
  unload(): void;
}

/** Parts that a thread does before it looks up: some milliseconds at most, even in code that is not optimized yet. */
const PARTS = 32;
/** Looks of a worker for a command before it sleeps: some ten microseconds. */
const SPINS = 5000;
/** Most stages of a run: they are counted in 32 bits. */
const MOST_STAGES = 2 ** 30;

/** Longest time in milliseconds that workers have to leave, before they are ended where they are. */
const LEAVE_MS = 1000;

/**
 * Milliseconds of a run for which no worker is woken: that takes about half as long, and a message of a page's worker as
 * long again.
 */
const SHORT_MS = 0.1;
/** Milliseconds of a stage, on average, below which threads wait for one another longer than they help. */
const BRIEF_STAGE_MS = 0.01;

/** A program's record in the shared memory. */
interface Record {
  readonly piece: Piece;
  readonly fields: Int32Array;
}

/** A program on the threads. */
interface Program {
  /** Its exports in the calling thread. */
  readonly own: Running;
  readonly id: number;
  /** Where workers read about it. */
  readonly record: Record | undefined;
  /** Number of workers that find something to do. */
  readonly helpers: number;
  /** Milliseconds of a step, as far as is known. */
  stepMs: number;
}

/** Number of pools made so far. */
let pools = 0;

export class ThreadPool {
  /** Most threads of a run. */
  readonly most: number;
  /** Numbers of threads are below this one. */
  readonly numbers: number;
  readonly #memory: WasmMemory;
  /** The words by which threads work together; of no use where there is but one. */
  readonly #words: Int32Array;
  readonly #workers: Worker[] = [];
  /** Whether the calling thread may wait: a page's main thread may not. There, workers do all the work. */
  readonly #mayWait: boolean;
  /** Newest first, as the list in memory. */
  #records: Record[] = [];
  /** Records that a worker may still be reading. */
  #retired: Piece[] = [];
  /** Whether somebody waits for that. */
  #waits = false;
  readonly #number = ++pools;
  #programs = 0;
  /** Number of the next stage among all that were ever run. */
  #stage = 0;
  #isRunning = false;
  #lost = 0;
  #hasWarned = false;
  /** Whether its end has begun. */
  #isOver = false;
  #ended: Promise<boolean> | undefined;
  #failure: EngineError | undefined;
  #reported = () => {};

  /** @param threads most threads of a run; 1 unless the memory is shared */
  constructor(memory: WasmMemory, threads: number) {
    this.#memory = memory;
    this.#words = new Int32Array(memory.memory.buffer, 0, CONTROL_BYTES / 4);
    this.#mayWait = mayWait();
    this.most = threads;
    const count = threads === 1 ? 0 : this.#mayWait ? threads - 1 : threads;
    this.numbers = count + 1;
    if (count === 0) return;
    Atomics.store(this.#words, WORDS.pool, this.#number);
    void this.#startAll();
  }

  /** Threads that take part at most, without those that did not start. */
  get present(): number {
    return Math.max(1, this.most - this.#lost);
  }

  /** Starts the workers: at once, or one in each turn of a host that takes its time. */
  async #startAll(): Promise<void> {
    for (let thread = 1; thread < this.numbers; thread++) {
      if (startsSlowly()) await giveTurn();
      if (this.#isOver) return;
      this.#start(thread);
    }
  }

  #start(thread: number): void {
    const start = {
      memory: this.#memory.memory,
      pool: this.#number,
      thread,
      words: WORDS,
      record: RECORD,
      recordBytes: RECORD_BYTES,
      parts: PARTS,
      spins: SPINS,
      reports: !this.#mayWait,
    };
    let isLost = false;
    const lost = (reason: string) => {
      if (!isLost) this.#lose(reason);
      isLost = true;
    };
    try {
      this.#workers.push(startWorker(start, { reported: () => this.#reported(), lost }));
    } catch (error) {
      lost(String(error));
    }
  }

  /** A worker does not start, or has ended by itself. */
  #lose(reason: string): void {
    if (this.#isOver) return;
    this.#lost++;
    if (this.#isRunning && Atomics.load(this.#words, WORDS.started) > 0) {
      this.#failure ??= failed(`it was lost: ${reason}`);
      this.#reported();
      return;
    }
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    console.warn(
      `wasm: a worker does not start (${reason}), so the engine computes on fewer threads; a page's content security policy must allow them by worker-src blob:`,
    );
  }

  /** Gives a program to all threads. */
  load({ bytes, step, launches, mostParts }: CompiledProgram): Loaded {
    const imports = { wgrad: { memory: this.#memory.memory } };
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), imports);
    const id = ++this.#programs;
    const record = this.numbers > 1 ? this.#tell(id, bytes) : undefined;
    const helpers = Math.min(this.numbers - 1, this.#mayWait ? mostParts - 1 : mostParts);
    const program = {
      own: exports as unknown as Running,
      id,
      record,
      helpers,
      stepMs: Number.POSITIVE_INFINITY,
    };
    const most = Math.max(1, Math.floor(MOST_STAGES / step.period));
    return {
      get threads() {
        return helpers > 0 && record ? Atomics.load(record.fields, RECORD.ready) + 1 : 1;
      },
      most: helpers > 0 ? this.most : 1,
      run: async (from, to, check) => {
        const began = performance.now();
        for (let at = from; at < to; at += most) {
          const steps = Math.min(most, to - at);
          const isAlone = program.stepMs < Math.max(SHORT_MS / steps, BRIEF_STAGE_MS * step.period);
          await this.#run(program, step, at, steps, isAlone, check);
        }
        // Rather the shortest of the last: the system may set a thread aside.
        program.stepMs = Math.min((performance.now() - began) / (to - from), 1.5 * program.stepMs);
      },
      launch: (at, index, check) => this.#run(program, launches[index], at, 1, false, check),
      unload: () => {
        if (record) this.#forget(record);
      },
    };
  }

  /** Puts a program into the list that workers read. */
  #tell(id: number, bytes: Uint8Array): Record {
    this.#reclaim();
    const piece = this.#memory.take("a module", RECORD_BYTES + bytes.length, true, "constants");
    const { buffer } = this.#memory.memory;
    new Uint8Array(buffer, piece.address + RECORD_BYTES, bytes.length).set(bytes);
    const fields = new Int32Array(buffer, piece.address, RECORD_BYTES / 4);
    fields[RECORD.id] = id;
    fields[RECORD.length] = bytes.length;
    fields[RECORD.next] = this.#records[0]?.piece.address ?? 0;
    const record = { piece, fields };
    this.#records.unshift(record);
    Atomics.store(this.#words, WORDS.pages, buffer.byteLength / 65536);
    Atomics.store(this.#words, WORDS.programs, piece.address);
    Atomics.add(this.#words, WORDS.version, 1);
    this.#command(2);
    return record;
  }

  #forget(record: Record): void {
    // Another engine may have the memory by now.
    if (this.#isOver) return;
    const at = this.#records.indexOf(record);
    if (at < 0) return;
    const next = Atomics.load(record.fields, RECORD.next);
    if (at === 0) Atomics.store(this.#words, WORDS.programs, next);
    else Atomics.store(this.#records[at - 1].fields, RECORD.next, next);
    this.#records.splice(at, 1);
    Atomics.add(this.#words, WORDS.version, 1);
    this.#retired.push(record.piece);
    void this.#reclaimLater();
  }

  /** Frees the records that left the list. @returns whether no worker was reading, and they are free */
  #reclaim(): boolean {
    if (Atomics.load(this.#words, WORDS.loading) > 0) return false;
    for (const piece of this.#retired.splice(0)) this.#memory.free(piece);
    return true;
  }

  /** Frees them as soon as no worker reads; a worker that is stuck leaves them to the next module. */
  async #reclaimLater(): Promise<void> {
    if (this.#waits) return;
    this.#waits = true;
    const began = performance.now();
    while (!this.#isOver && !this.#reclaim() && performance.now() - began < LEAVE_MS)
      await new Promise((later) => setTimeout(later, 1));
    this.#waits = false;
  }

  /** Wakes workers, all or so many, for what has been written. */
  #command(by: 1 | 2, workers?: number): void {
    Atomics.add(this.#words, WORDS.command, by);
    Atomics.notify(this.#words, WORDS.command, workers);
  }

  /** Runs steps, or the launches of `range`; where that `isAlone`, on this thread alone. */
  async #run(
    program: Program,
    range: StageRange,
    step: number,
    steps: number,
    isAlone: boolean,
    check: () => void,
  ): Promise<void> {
    const { first, period } = range;
    const count = period * steps;
    if (count === 0) return;
    const base = this.#stage;
    const isShared = program.helpers > 0 && !isAlone;
    if (isShared && this.#mayWait) this.#publish(program, range, step, count);
    this.#isRunning = true;
    try {
      for (let isOver = false; !isOver; ) {
        if (this.#failure) throw this.#failure;
        if (isShared && !this.#mayWait && this.#isReady(program)) {
          const reported = new Promise<void>((resolve) => {
            this.#reported = resolve;
          });
          this.#publish(program, range, step, count);
          await reported;
          check();
          isOver = ((Atomics.load(this.#words, WORDS.stage) - base) | 0) === count;
        } else {
          isOver = program.own.work(0, base, first, period, step, count, PARTS) !== 0;
          if (!isOver && turnIsDue()) {
            await giveTurn();
            check();
          }
        }
        if (!isOver) this.#checkState();
      }
      this.#stage = (base + count) | 0;
    } catch (error) {
      // Others may be in the middle of a part: no run begins after this one.
      this.#failure ??= error instanceof EngineError ? error : failed(String(error), error);
      if (this.numbers > 1 && !this.#isOver) Atomics.store(this.#words, WORDS.pool, -1);
      throw this.#failure;
    } finally {
      this.#isRunning = false;
    }
  }

  /** Whether a worker has the program. */
  #isReady({ record }: Program): boolean {
    return record !== undefined && Atomics.load(record.fields, RECORD.ready) > this.#lost;
  }

  /** Tells workers what to do. */
  #publish({ id, helpers }: Program, { first, period }: StageRange, step: number, count: number): void {
    const words = this.#words;
    Atomics.add(words, WORDS.command, 1);
    Atomics.store(words, WORDS.program, id);
    Atomics.store(words, WORDS.base, this.#stage);
    Atomics.store(words, WORDS.first, first);
    Atomics.store(words, WORDS.period, period);
    Atomics.store(words, WORDS.step, step);
    Atomics.store(words, WORDS.count, count);
    this.#command(1, helpers);
  }

  /** @throws EngineError where a worker has failed */
  #checkState(): void {
    if (this.numbers === 1 || this.#isOver || Atomics.load(this.#words, WORDS.pool) === this.#number) return;
    const from = WORDS.reason + 1;
    const letters = this.#words.slice(from, from + this.#words[WORDS.reason]);
    throw failed(String.fromCharCode(...letters));
  }

  /**
   * Ends the workers, and with them the run under way.
   * @returns whether all have ended, and the memory can be used by others
   */
  end(): Promise<boolean> {
    this.#ended ??= this.#end();
    return this.#ended;
  }

  async #end(): Promise<boolean> {
    this.#isOver = true;
    if (this.numbers === 1) return true;
    Atomics.store(this.#words, WORDS.pool, 0);
    this.#command(2);
    Atomics.notify(this.#words, WORDS.stage);
    this.#reported();
    // They leave by themselves as soon as their part is done. A host may take longer to end them, and not say when.
    const began = performance.now();
    const isLeft = () => Atomics.load(this.#words, WORDS.started) === 0;
    while (!isLeft() && performance.now() - began < LEAVE_MS)
      await new Promise((later) => setTimeout(later, 1));
    await Promise.all(this.#workers.splice(0).map((worker) => worker.end()));
    return isLeft();
  }
}

function failed(reason: string, cause?: unknown): EngineError {
  return new EngineError(`a thread of the wasm engine failed: ${reason}; make a new engine with wasm()`, {
    cause,
  });
}

/** Whether this thread may wait for others: a page's main thread may not. */
function mayWait(): boolean {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1, 0);
    return true;
  } catch {
    return false;
  }
}

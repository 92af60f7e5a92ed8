/**
 * A program on the GPU. Every pipeline, buffer and bind group exists before the first step, and many steps go into one
 * compute pass of one submit.
 *
 * Values that change from step to step reach the kernels as immediates, or through dynamic offsets: the step table, a
 * uniform buffer with one 256-byte row for each step (`stepRows.ts`), and the outputs, one row for each step. Both were
 * chosen over a step counter on the GPU: they need no kernel that counts, and kernels need not know of them.
 */
import { arrayOf, type Elements } from "../../dtypes.ts";
import { launchesOf, launchName, type Program, STEP_SLOTS } from "../../program.ts";
import { freeWhenDropped, released } from "../dropped.ts";
import {
  boundMemory,
  type CompileOptions,
  checkedInput,
  checkStepCount,
  checkUsable,
  type EngineBuffer,
  EngineError,
  type Executable,
  type LaunchTimes,
  type Outputs,
  RELEASED,
  StepTable,
} from "../engine.ts";
import { bytesIn, GpuBuffer } from "./buffer.ts";
import { BufferUsage } from "./constants.ts";
import type { GpuDevice } from "./device.ts";
import { type Command, clearRows, layBuffers, layOutputs, makeCommand, type OutputRows } from "./layout.ts";
import type { GpuMemory } from "./memory.ts";
import { layNumbers, type MakeBuffer } from "./numbers.ts";
import { PipelineCache, type PreparedProgram } from "./pipelines.ts";
import { StallWatch } from "./stalls.ts";
import { layStepRows, type StepRows } from "./stepRows.ts";
import { Submits } from "./submits.ts";

/** Up to this many elements, copying one by one is faster than a view. */
const SMALL_ROW = 64;
/** Staging buffers that a program begins with: one is read while the next is filled. */
const STAGING = 2;

/** An executable's memory on the device. */
interface Holdings {
  readonly memory: GpuMemory;
  /** Buffers created by the executable, without the memory it was given. */
  readonly owned: GPUBuffer[];
  /** Staging buffers that no run is using. */
  readonly staging: GPUBuffer[];
  readonly prepared: PreparedProgram;
}

function free({ memory, owned, staging, prepared }: Holdings): void {
  for (const buffer of [...owned.splice(0), ...staging.splice(0)]) memory.free(buffer);
  prepared.release();
}

export class GpuExecutable implements Executable {
  readonly table: StepTable;
  readonly #descriptor: { readonly label: string };
  readonly #submits: Submits;
  /** Inputs whose last write WebGPU refused, with its message. */
  readonly #unwritten = new Map<string, string>();
  #released = false;

  private constructor(
    readonly owner: GpuDevice,
    readonly program: Program,
    /** Memory given to the executable. */
    readonly bound: readonly GpuBuffer[],
    readonly buffers: readonly GPUBuffer[],
    readonly holdings: Holdings,
    /** By launch. */
    public commands: readonly Command[],
    readonly outputs: readonly OutputRows[],
    readonly stepRows: StepRows,
    readonly maxSteps: number,
  ) {
    this.table = new StepTable(maxSteps);
    this.#descriptor = { label: program.name };
    this.#submits = new Submits(program);
    for (let i = 0; i < STAGING; i++) holdings.staging.push(this.#makeStaging());
    freeWhenDropped(this, free.bind(undefined, holdings));
  }

  static compile(owner: GpuDevice, program: Program, options: CompileOptions): Promise<GpuExecutable> {
    const { maxSteps = 1 } = options;
    const what = `program ${program.name}`;
    const isOwn = (buffer: EngineBuffer): buffer is GpuBuffer =>
      buffer instanceof GpuBuffer && buffer.owner === owner;
    const bindMemory = () => boundMemory(program, options, isOwn);
    let undo = () => {};
    const compiling = owner.attempt(what, async () => {
      await Promise.all([...bindMemory().values()].map((buffer) => buffer.refused()));
      owner.pipelines ??= new PipelineCache(owner.device);
      owner.stalls ??= new StallWatch(owner.stallOptions, owner.underWay);
      const { device, pipelines, ledger: memory } = owner;
      const prepared = await pipelines.prepare(program);
      const holdings: Holdings = { memory, owned: [], staging: [], prepared };
      undo = () => free(holdings);
      const build = () => {
        // Bound again: some memory may have been released while kernels were compiled.
        const bound = bindMemory();
        const make: MakeBuffer = (role, label, size, usage) => {
          const buffer = memory.make(role, `${program.name}: ${label}`, size, usage);
          holdings.owned.push(buffer);
          return buffer;
        };
        const buffers = layBuffers(device, program, bound, maxSteps, make);
        const outputs = layOutputs(program, buffers, maxSteps);
        if (maxSteps > 1) clearRows(device, program, outputs);
        const numbers = layNumbers(device, prepared, make);
        const commands = launchesOf(program).map((dispatches, i) =>
          makeCommand(
            device,
            program,
            launchName(dispatches),
            prepared.pipelines[i],
            buffers,
            numbers[i],
            maxSteps,
          ),
        );
        const built = new GpuExecutable(
          owner,
          program,
          [...bound.values()],
          buffers,
          holdings,
          commands,
          outputs,
          layStepRows(pipelines, program, maxSteps, make),
          maxSteps,
        );
        undo = () => built.release();
        return built;
      };
      return owner.validated(what, build);
    });
    return compiling.catch((error) => {
      undo();
      throw error;
    });
  }

  write(input: string, data: Elements): void {
    this.#check();
    const target = this.buffers[checkedInput(this.program, input, data)];
    const bytes = bytesIn(data);
    const unwritten = this.#unwritten;
    unwritten.delete(input);
    const { error, thrown } = this.owner.scoped(() => this.owner.bytes.write(target, 0, bytes, bytes.length));
    const note = ({ message }: { readonly message: string }) => unwritten.set(input, message);
    if (thrown) {
      note(thrown);
      this.#checkWritten();
    }
    error.then((refused) => refused && note(refused), note);
  }

  check(count: number): void {
    this.#check();
    checkStepCount(this.program, this.table, count);
  }

  async run(count: number): Promise<Outputs> {
    this.check(count);
    const { owner } = this;
    const began = performance.now();
    let staging: GPUBuffer | undefined;
    const { error, thrown } = owner.scoped(() => {
      if (this.outputs.length > 0) staging = this.holdings.staging.pop() ?? this.#makeStaging();
      this.#enqueue(count, staging);
    });
    const what = `program ${this.program.name}`;
    return owner.attempt(what, async () => {
      try {
        const answer = thrown ? undefined : staging ? owner.mapped(staging) : owner.done();
        answer?.catch(() => {});
        const refused = await error;
        if (refused) throw new EngineError(`${what}: ${refused.message}`, { cause: refused });
        await answer;
        this.#checkWritten();
        this.#submits.finished(count, began);
        return staging ? this.#readRows(staging, count) : {};
      } finally {
        if (staging) this.#giveBack(staging);
      }
    });
  }

  /** Enqueues steps, and copies their outputs, if any, into `staging`. */
  #enqueue(count: number, staging: GPUBuffer | undefined): void {
    const { device } = this.owner;
    const { steps, ends } = this.#submits;
    const launches = this.commands.length;
    this.stepRows.load(this.table.u32, count);
    for (let from = 0; from < count; from += steps) {
      const to = Math.min(count, from + steps);
      for (let part = 0, first = 0; part < ends.length; first = ends[part++]) {
        const encoder = device.createCommandEncoder(this.#descriptor);
        const pass = encoder.beginComputePass(this.#descriptor);
        for (let step = from; step < to; step++) this.encodeStep(pass, step, first, ends[part]);
        pass.end();
        if (staging && to === count && ends[part] === launches) {
          for (const { buffer, stride, stagingOffset } of this.outputs)
            encoder.copyBufferToBuffer(buffer, 0, staging, stagingOffset, stride * count);
        }
        device.queue.submit([encoder.finish(this.#descriptor)]);
      }
    }
  }

  /** @throws EngineError where the program cannot be used */
  #check(): void {
    this.owner.check();
    if (this.#released) throw new EngineError(`program ${this.program.name} ${RELEASED}`);
    for (let i = 0; i < this.bound.length; i++) {
      const buffer = this.bound[i];
      if (buffer.unusable !== undefined)
        checkUsable(`program ${this.program.name}: its memory "${buffer.label}"`, buffer);
    }
  }

  /** @throws EngineError where the memory or an input holds other values than was asked for */
  #checkWritten(): void {
    const at = `program ${this.program.name}`;
    for (const { label, failure } of this.bound)
      if (failure !== undefined) throw new EngineError(`${at}: its memory "${label}" ${failure}`);
    for (const [input, message] of this.#unwritten)
      throw new EngineError(`${at}: input "${input}" could not be written: ${message}; write it again`);
  }

  /** Encodes the launches of a step from `first` up to, not including, `end`. */
  encodeStep(pass: GPUComputePassEncoder, step: number, first: number, end: number): void {
    this.stepRows.set(pass, step);
    let pipeline: GPUComputePipeline | undefined;
    for (let i = first; i < end; i++) {
      const command = this.commands[i];
      if (command.pipeline !== pipeline) {
        pipeline = command.pipeline;
        pass.setPipeline(pipeline);
      }
      const { offsetsPerStep } = command;
      if (offsetsPerStep === 0) pass.setBindGroup(1, command.group);
      else pass.setBindGroup(1, command.group, command.offsets, step * offsetsPerStep, offsetsPerStep);
      pass.dispatchWorkgroups(command.grid[0], command.grid[1], command.grid[2]);
    }
  }

  async profile(count: number): Promise<LaunchTimes> {
    this.check(count);
    // Copied: rows written while the module is loaded must not change these steps.
    const rows = this.table.u32.slice(0, count * STEP_SLOTS);
    // Loaded for profiling only.
    const { profileLaunches } = await import("./profile.ts");
    this.check(count);
    const what = `program ${this.program.name}`;
    return this.owner.attempt(what, async () => {
      const times = await profileLaunches(this, rows, count);
      this.#checkWritten();
      return times;
    });
  }

  #makeStaging(): GPUBuffer {
    const last = this.outputs[this.outputs.length - 1];
    const size = last ? last.stagingOffset + last.stride * this.maxSteps : 4;
    const label = `${this.program.name}: readback`;
    return this.holdings.memory.make("staging", label, size, BufferUsage.MAP_READ | BufferUsage.COPY_DST);
  }

  #readRows(staging: GPUBuffer, count: number): Outputs {
    const mapped = staging.getMappedRange();
    const result: Record<string, Elements> = {};
    for (const { name, dtype, length, stride, stagingOffset } of this.outputs) {
      const array = arrayOf(dtype);
      // One view of all rows instead of one for each: small outputs, such as losses, are copied for thousands of steps.
      const rows = new array(mapped, stagingOffset, (stride / array.BYTES_PER_ELEMENT) * count);
      result[name] = gathered(rows, new array(length * count), length, stride / array.BYTES_PER_ELEMENT);
    }
    return result;
  }

  /** A staging buffer that could not be read is dropped. */
  #giveBack(staging: GPUBuffer): void {
    if (staging.mapState === "mapped" && !this.#released) {
      staging.unmap();
      this.holdings.staging.push(staging);
    } else this.holdings.memory.free(staging);
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    released(this);
    this.commands = [];
    free(this.holdings);
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

/** Fills `elements` with the first `length` of every `stride` elements of `rows`. */
function gathered(rows: Elements, elements: Elements, length: number, stride: number): Elements {
  for (let to = 0, from = 0; to < elements.length; to += length, from += stride) {
    if (length > SMALL_ROW) elements.set(rows.subarray(from, from + length), to);
    else for (let i = 0; i < length; i++) elements[to + i] = rows[from + i];
  }
  return elements;
}

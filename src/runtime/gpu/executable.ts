/**
 * A program on the GPU. Every pipeline, buffer and bind group exists before the first step, and many steps go into one
 * compute pass of one submit.
 *
 * Values that change from step to step reach the kernels as immediates, or through dynamic offsets: the step table, a
 * uniform buffer with one 256-byte row for each step (`stepRows.ts`), and the outputs, one row for each step. Both were
 * chosen over a step counter on the GPU: they need no kernel that counts, and kernels need not know of them.
 */
import { arrayOf, bytesPerElement, type DType, type Elements } from "../../dtypes.ts";
import { NUMBERS_BINDING } from "../../kernels/kernel.ts";
import {
  byteLength,
  elementCount,
  launchesOf,
  launchName,
  type Program,
  STEP_SLOTS,
  type View,
} from "../../program.ts";
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
import { planMemory } from "../plan.ts";
import { bytesIn, GpuBuffer } from "./buffer.ts";
import { alignUp, BufferUsage, OFFSET_ALIGNMENT } from "./constants.ts";
import type { GpuDevice } from "./device.ts";
import { layNumbers, type MakeBuffer } from "./numbers.ts";
import type { PreparedPipeline, PreparedProgram } from "./pipelines.ts";
import { layStepRows, type StepRows } from "./stepRows.ts";

/** Up to this many elements, copying one by one is faster than a view. */
const SMALL_ROW = 64;

/** One launch, ready to be encoded. */
interface Command {
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
  readonly grid: readonly [number, number, number];
  /** Dynamic offsets of its outputs, for all steps one after the other. */
  readonly offsets: Uint32Array;
  readonly offsetsPerStep: number;
}

/** Place of an output's rows. */
interface OutputRows {
  readonly name: string;
  readonly buffer: GPUBuffer;
  readonly dtype: DType;
  readonly length: number;
  /** Bytes from one step's row to the next. */
  readonly stride: number;
  /** Start of the rows in a staging buffer. */
  readonly stagingOffset: number;
}

/** An executable's memory on the device. */
interface Holdings {
  /** Buffers created by the executable, without the memory it was given. */
  readonly owned: GPUBuffer[];
  /** Staging buffers that no run is using. */
  readonly staging: GPUBuffer[];
  readonly prepared: PreparedProgram;
}

function free({ owned, staging, prepared }: Holdings): void {
  for (const buffer of [...owned.splice(0), ...staging.splice(0)]) buffer.destroy();
  prepared.release();
}

export class GpuExecutable implements Executable {
  readonly table: StepTable;
  readonly #descriptor: { readonly label: string };
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
    this.holdings.staging.push(this.#makeStaging(), this.#makeStaging());
    freeWhenDropped(this, free.bind(undefined, holdings));
  }

  static compile(owner: GpuDevice, program: Program, options: CompileOptions): Promise<GpuExecutable> {
    const { maxSteps = 1 } = options;
    const what = `program ${program.name}`;
    const isOwn = (buffer: EngineBuffer): buffer is GpuBuffer =>
      buffer instanceof GpuBuffer && buffer.owner === owner;
    const bindMemory = () => boundMemory(program, options, isOwn);
    return owner.attempt(what, async () => {
      await Promise.all([...bindMemory().values()].map(({ refused }) => refused));
      const prepared = await owner.pipelines.prepare(program);
      const holdings: Holdings = { owned: [], staging: [], prepared };
      let built: GpuExecutable | undefined;
      const build = () => {
        // Bound again: some memory may have been released while kernels were compiled.
        const bound = bindMemory();
        const make: MakeBuffer = (label, size, usage) => {
          const buffer = owner.device.createBuffer({ label: `${program.name}: ${label}`, size, usage });
          holdings.owned.push(buffer);
          return buffer;
        };
        const buffers = layBuffers(owner, program, bound, maxSteps, make);
        const outputs = layOutputs(program, buffers, maxSteps);
        const numbers = layNumbers(owner.device, prepared, make);
        const commands = launchesOf(program).map((dispatches, i) =>
          makeCommand(
            owner.device,
            program,
            launchName(dispatches),
            prepared.pipelines[i],
            buffers,
            numbers[i],
            maxSteps,
          ),
        );
        built = new GpuExecutable(
          owner,
          program,
          [...bound.values()],
          buffers,
          holdings,
          commands,
          outputs,
          layStepRows(owner.pipelines, program, maxSteps, make),
          maxSteps,
        );
        return built;
      };
      try {
        return await owner.validated(what, build);
      } catch (error) {
        if (built) built.release();
        else free(holdings);
        throw error;
      }
    });
  }

  write(input: string, data: Elements): void {
    this.#check();
    const target = this.buffers[checkedInput(this.program, input, data)];
    const bytes = bytesIn(data);
    this.owner.bytes.write(target, 0, bytes, bytes.length);
  }

  check(count: number): void {
    this.#check();
    checkStepCount(this.program, this.table, count);
  }

  async run(count: number): Promise<Outputs> {
    this.check(count);
    const { owner } = this;
    const { value: staging, error } = owner.scoped(() => this.#enqueue(count));
    const what = `program ${this.program.name}`;
    return owner.attempt(what, async () => {
      const done = staging ? owner.mapped(staging) : owner.done();
      try {
        const [refused] = await Promise.all([error, done]);
        if (refused) throw new EngineError(`${what}: ${refused.message}`);
        return staging ? this.#readRows(staging, count) : {};
      } finally {
        if (staging) this.#giveBack(staging);
      }
    });
  }

  /** Enqueues steps, and copies their outputs, if any, into the returned staging buffer. */
  #enqueue(count: number): GPUBuffer | undefined {
    const { device } = this.owner;
    this.stepRows.load(this.table.u32, count);
    const encoder = device.createCommandEncoder(this.#descriptor);
    const pass = encoder.beginComputePass(this.#descriptor);
    for (let step = 0; step < count; step++) this.encodeStep(pass, step);
    pass.end();
    const staging =
      this.outputs.length > 0 ? (this.holdings.staging.pop() ?? this.#makeStaging()) : undefined;
    if (staging) {
      for (const { buffer, stride, stagingOffset } of this.outputs) {
        encoder.copyBufferToBuffer(buffer, 0, staging, stagingOffset, stride * count);
      }
    }
    device.queue.submit([encoder.finish(this.#descriptor)]);
    return staging;
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

  /** Encodes the launches of a step from `first` up to, not including, `end`. */
  encodeStep(pass: GPUComputePassEncoder, step: number, first = 0, end = this.commands.length): void {
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
    this.stepRows.load(rows, count);
    return this.owner.attempt(`program ${this.program.name}`, () => profileLaunches(this, count));
  }

  #makeStaging(): GPUBuffer {
    const last = this.outputs[this.outputs.length - 1];
    const size = last ? last.stagingOffset + last.stride * this.maxSteps : 4;
    return this.owner.device.createBuffer({
      label: `${this.program.name}: readback`,
      size,
      usage: BufferUsage.MAP_READ | BufferUsage.COPY_DST,
    });
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
    } else staging.destroy();
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

/** Memory of each buffer of the program: given, shared by temporaries after the plan, or its own. */
function layBuffers(
  owner: GpuDevice,
  program: Program,
  bound: ReadonlyMap<number, GpuBuffer>,
  maxSteps: number,
  make: MakeBuffer,
): GPUBuffer[] {
  const storage = BufferUsage.STORAGE | BufferUsage.COPY_SRC | BufferUsage.COPY_DST;
  const plan = planMemory(program);
  const slots = plan.slots.map((bytes, slot) => make(`temporaries ${slot}`, bytes, storage));
  return program.buffers.map((spec, index) => {
    const given = bound.get(index);
    if (given) return given.gpu;
    const slot = plan.slotOf.get(index);
    if (slot !== undefined) return slots[slot];
    const rows = spec.kind === "output" ? maxSteps : 1;
    const buffer = make(spec.name, alignUp(byteLength(spec), OFFSET_ALIGNMENT) * rows, storage);
    if (spec.values) owner.device.queue.writeBuffer(buffer, 0, Float32Array.from(spec.values));
    return buffer;
  });
}

function makeCommand(
  device: GPUDevice,
  program: Program,
  label: string,
  { pipeline, layout, bindings, grid }: PreparedPipeline,
  buffers: readonly GPUBuffer[],
  numbers: GPUBufferBinding | undefined,
  maxSteps: number,
): Command {
  const entries = bindings.map(({ binding, view }) => ({
    binding,
    resource: bindingResource(program, view, buffers),
  }));
  if (numbers) entries.push({ binding: NUMBERS_BINDING, resource: numbers });
  const group = device.createBindGroup({ label, layout, entries });
  const strides = bindings
    .filter(({ dynamic }) => dynamic)
    .map(({ view }) => alignUp(byteLength(program.buffers[view.buffer]), OFFSET_ALIGNMENT));
  const offsets = new Uint32Array(maxSteps * strides.length);
  for (let step = 0; step < maxSteps; step++) {
    strides.forEach((stride, j) => {
      offsets[step * strides.length + j] = step * stride;
    });
  }
  return { pipeline, group, grid, offsets, offsetsPerStep: strides.length };
}

function layOutputs(program: Program, buffers: readonly GPUBuffer[], maxSteps: number): OutputRows[] {
  let stagingOffset = 0;
  return Object.entries(program.outputs).map(([name, view]) => {
    const spec = program.buffers[view.buffer];
    const stride = alignUp(byteLength(spec), OFFSET_ALIGNMENT);
    const rows = {
      name,
      buffer: buffers[view.buffer],
      dtype: spec.dtype,
      length: spec.length,
      stride,
      stagingOffset,
    };
    stagingOffset += stride * maxSteps;
    return rows;
  });
}

function bindingResource(
  program: Program,
  { buffer, offset, shape }: View,
  buffers: readonly GPUBuffer[],
): GPUBufferBinding {
  const bytes = bytesPerElement(program.buffers[buffer].dtype);
  return { buffer: buffers[buffer], offset: offset * bytes, size: alignUp(elementCount(shape) * bytes, 4) };
}

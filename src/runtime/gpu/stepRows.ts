/** How launches get at the step's row of the step table: as immediates where a device has them, or else as a uniform. */
import { IMMEDIATE_SLOTS, type Program, STEP_SLOTS } from "../../program.ts";
import { BufferUsage } from "./constants.ts";
import type { MakeBuffer } from "./numbers.ts";
import type { PipelineCache } from "./pipelines.ts";

const ROW_BYTES = STEP_SLOTS * 4;

export interface StepRows {
  /** Makes `count` rows the ones that {@link set} chooses from, for all steps submitted from here on. */
  load(rows: Uint32Array<ArrayBuffer>, count: number): void;
  /** Gives the launches that follow in the pass the row of that step. */
  set(pass: GPUComputePassEncoder, step: number): void;
}

export function layStepRows(
  { device, stepLayout }: PipelineCache,
  { name, immediates }: Program,
  maxSteps: number,
  make: MakeBuffer,
): StepRows {
  if (immediates) return new ImmediateRows();
  const buffer = make(
    "staging",
    "step table",
    ROW_BYTES * maxSteps,
    BufferUsage.UNIFORM | BufferUsage.COPY_DST,
  );
  const group = device.createBindGroup({
    label: `${name}: step table`,
    layout: stepLayout,
    entries: [{ binding: 0, resource: { buffer, size: ROW_BYTES } }],
  });
  return new UniformRows(device.queue, buffer, group, maxSteps);
}

/** A uniform buffer of all rows, bound at a dynamic offset. */
class UniformRows implements StepRows {
  readonly #offsets: Uint32Array;

  constructor(
    readonly queue: GPUQueue,
    readonly buffer: GPUBuffer,
    readonly group: GPUBindGroup,
    maxSteps: number,
  ) {
    this.#offsets = Uint32Array.from({ length: maxSteps }, (_, step) => step * ROW_BYTES);
  }

  load(rows: Uint32Array<ArrayBuffer>, count: number): void {
    this.queue.writeBuffer(this.buffer, 0, rows, 0, count * STEP_SLOTS);
  }

  set(pass: GPUComputePassEncoder, step: number): void {
    pass.setBindGroup(0, this.group, this.#offsets, step, 1);
  }
}

/** Rows that are written into the pass: pipelines of a program have immediates of one size, so that all read them. */
class ImmediateRows implements StepRows {
  #rows = new Uint32Array();

  load(rows: Uint32Array<ArrayBuffer>): void {
    this.#rows = rows;
  }

  set(pass: GPUComputePassEncoder, step: number): void {
    pass.setImmediates(0, this.#rows, step * STEP_SLOTS, IMMEDIATE_SLOTS);
  }
}

/** Where a program lies on a device: its buffers, the places of its outputs, and its launches, ready to be encoded. */
import { bytesPerElement, type DType } from "../../dtypes.ts";
import { NUMBERS_BINDING } from "../../kernels/kernel.ts";
import { byteLength, elementCount, type Program, type View } from "../../program.ts";
import { ROLE_OF } from "../ledger.ts";
import { planMemory } from "../plan.ts";
import type { GpuBuffer } from "./buffer.ts";
import { alignUp, BufferUsage, OFFSET_ALIGNMENT } from "./constants.ts";
import type { MakeBuffer } from "./numbers.ts";
import type { PreparedPipeline } from "./pipelines.ts";

/** One launch, ready to be encoded. */
export interface Command {
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
  readonly grid: readonly [number, number, number];
  /** Dynamic offsets of its outputs, for all steps one after the other. */
  readonly offsets: Uint32Array;
  readonly offsetsPerStep: number;
}

/** Place of an output's rows. */
export interface OutputRows {
  readonly name: string;
  readonly buffer: GPUBuffer;
  readonly dtype: DType;
  readonly length: number;
  /** Bytes from one step's row to the next. */
  readonly stride: number;
  /** Start of the rows in a staging buffer. */
  readonly stagingOffset: number;
}

/** Memory of each buffer of the program: given, shared by temporaries after the plan, or its own. */
export function layBuffers(
  device: GPUDevice,
  program: Program,
  bound: ReadonlyMap<number, GpuBuffer>,
  maxSteps: number,
  make: MakeBuffer,
): GPUBuffer[] {
  const storage = BufferUsage.STORAGE | BufferUsage.COPY_SRC | BufferUsage.COPY_DST;
  const plan = planMemory(program);
  const slots = plan.slots.map((bytes, slot) => make("activations", `temporaries ${slot}`, bytes, storage));
  return program.buffers.map((spec, index) => {
    const given = bound.get(index);
    if (given) return given.gpu;
    const slot = plan.slotOf.get(index);
    if (slot !== undefined) return slots[slot];
    const rows = spec.kind === "output" ? maxSteps : 1;
    const buffer = make(
      ROLE_OF[spec.kind],
      spec.name,
      alignUp(byteLength(spec), OFFSET_ALIGNMENT) * rows,
      storage,
    );
    if (spec.values) device.queue.writeBuffer(buffer, 0, Float32Array.from(spec.values));
    return buffer;
  });
}

export function makeCommand(
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

export function layOutputs(program: Program, buffers: readonly GPUBuffer[], maxSteps: number): OutputRows[] {
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

/**
 * Makes the rows count as written from the start. wgpu would clear those that only a launch at a dynamic offset has written, in a
 * submit before the one that reads them: findings/deno-clears-rows-at-dynamic-offsets.sh.
 */
export function clearRows(device: GPUDevice, { name }: Program, outputs: readonly OutputRows[]): void {
  const label = { label: `${name}: rows of outputs` };
  const encoder = device.createCommandEncoder(label);
  for (const { buffer } of outputs) encoder.clearBuffer(buffer);
  device.queue.submit([encoder.finish(label)]);
}

function bindingResource(
  program: Program,
  { buffer, offset, shape }: View,
  buffers: readonly GPUBuffer[],
): GPUBufferBinding {
  const bytes = bytesPerElement(program.buffers[buffer].dtype);
  return { buffer: buffers[buffer], offset: offset * bytes, size: alignUp(elementCount(shape) * bytes, 4) };
}

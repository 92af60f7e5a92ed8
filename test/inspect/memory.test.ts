/** The memory of a step as data: what is said is what a device is asked for. */
import { expect, it } from "vitest";
import { memoryLayout } from "../../src/inspect/memory.ts";
import { connect } from "../../src/runtime/gpu/connect.ts";
import { useEngines } from "../helpers/engines.ts";
import { convNet, openStep } from "./samples.ts";

const engines = useEngines();

it("has the sizes that the device allocates", async () => {
  const engine = await connect();
  const made = new Map<string, number>();
  const { device } = engine;
  const { createBuffer } = device;
  device.createBuffer = (descriptor) => {
    made.set(descriptor.label ?? "", descriptor.size);
    return createBuffer.call(device, descriptor);
  };
  try {
    const { step } = await openStep(engine, convNet());
    const { buffers, slots, bytes } = memoryLayout(step.program);
    expect(slots.length).toBeGreaterThan(1);
    expect(slots.map((_, slot) => made.get(`train: temporaries ${slot}`))).toEqual(slots);
    const own = buffers.filter(({ kind }) => kind !== "temporary");
    for (const { name, kind, bytes } of own) {
      const allocated = made.get(kind === "state" ? name : `train: ${name}`);
      // Each begins at a multiple of 256 bytes, but for what outlives the program.
      expect(allocated, name).toBe(kind === "state" ? bytes : Math.ceil(bytes / 256) * 256);
    }
    const sum = (sizes: readonly number[]) => sizes.reduce((total, size) => total + size, 0);
    expect(bytes).toBe(sum(slots) + sum(own.map((buffer) => buffer.bytes)));
  } finally {
    await engine.destroy();
  }
});

it("has each temporary in a slot that is large enough, and alone there for as long as it lives", async () => {
  const { step, release } = await openStep(engines.cpu, convNet());
  const layout = memoryLayout(step.program);
  release();
  const temporaries = layout.buffers.filter(({ kind }) => kind === "temporary");
  expect(temporaries.length).toBeGreaterThan(layout.slots.length);
  for (const { slot, life, bytes, name } of temporaries) {
    if (slot === undefined || !life) throw new Error(`${name} has no slot`);
    expect(bytes).toBeLessThanOrEqual(layout.slots[slot]);
    const others = temporaries.filter((other) => other.slot === slot && other.name !== name);
    for (const { life: [first, last] = [-1, -1] } of others)
      expect(first > life[1] || last < life[0]).toBe(true);
  }
  expect(layout.buffers.filter(({ kind, slot }) => kind !== "temporary" && slot !== undefined)).toEqual([]);
  expect(structuredClone(layout)).toEqual(layout);
});

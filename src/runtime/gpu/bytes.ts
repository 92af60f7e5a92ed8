/**
 * Writes any number of bytes at any position of a buffer. WebGPU itself writes whole words, at multiples of four bytes.
 */
import { BufferUsage } from "./constants.ts";
import type { GpuMemory } from "./memory.ts";
import { scoped } from "./scopes.ts";

/**
 * Changes some bytes of a few words: each edge holds the index in `words`, a mask of the changed bytes, and their
 * values.
 */
const code = `
@group(0) @binding(0) var<storage, read_write> words: array<u32>;
@group(0) @binding(1) var<storage, read> edges: array<vec4<u32>>;

@compute @workgroup_size(1)
fn merge(@builtin(workgroup_id) group: vec3<u32>) {
  let edge = edges[group.x];
  words[edge.x] = (words[edge.x] & ~edge.y) | edge.z;
}`;

export class ByteWriter {
  #pipeline: GPUComputePipeline | undefined;

  constructor(readonly memory: GpuMemory) {}

  /** To be called in error scopes. Writes `bytes` to `target` at `offset`. Bytes from `end` on are unused. */
  write(target: GPUBuffer, offset: number, bytes: Uint8Array<ArrayBuffer>, end: number): void {
    if (bytes.length === 0) return;
    const { queue } = this.memory.device;
    const last = offset + bytes.length;
    // Where bytes end inside a word, the rest of the word is kept, unless it is unused.
    const first = Math.ceil(offset / 4) * 4;
    const whole = last === end ? last : Math.floor(last / 4) * 4;
    const edges: number[] = [];
    if (offset < first) edges.push(...edge(bytes, offset, first - 4));
    if (whole < last && whole >= first) edges.push(...edge(bytes, offset, whole));
    if (first < whole) {
      const words = Math.floor((whole - first) / 4) * 4;
      if (words > 0) queue.writeBuffer(target, first, bytes, first - offset, words);
      if (first + words < whole) {
        const padded = new Uint8Array(4);
        padded.set(bytes.subarray(first + words - offset));
        queue.writeBuffer(target, first + words, padded);
      }
    }
    if (edges.length > 0) this.#merge(target, edges);
  }

  #merge(target: GPUBuffer, edges: readonly number[]): void {
    const { memory } = this;
    const { device } = memory;
    const label = `bytes of ${target.label}`;
    const pipeline = this.#pipeline ?? this.#compile();
    const list = memory.make("staging", label, edges.length * 4, BufferUsage.STORAGE | BufferUsage.COPY_DST);
    try {
      device.queue.writeBuffer(list, 0, Uint32Array.from(edges));
      const resources = [target, list];
      const group = device.createBindGroup({
        label,
        layout: pipeline.getBindGroupLayout(0),
        entries: resources.map((buffer, binding) => ({ binding, resource: { buffer } })),
      });
      const encoder = device.createCommandEncoder({ label });
      const pass = encoder.beginComputePass({ label });
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(edges.length / 4);
      pass.end();
      device.queue.submit([encoder.finish({ label })]);
    } finally {
      memory.free(list);
    }
  }

  /** Compiled again, for the next write, where WebGPU refuses it. */
  #compile(): GPUComputePipeline {
    const { device } = this.memory;
    const { value, error, thrown } = scoped(device, () =>
      device.createComputePipeline({
        label: "bytes",
        layout: "auto",
        compute: { module: device.createShaderModule({ label: "bytes", code }), entryPoint: "merge" },
      }),
    );
    if (!value) throw thrown;
    this.#pipeline = value;
    const forget = () => {
      this.#pipeline = undefined;
    };
    error.then((refused) => refused && forget(), forget);
    return value;
  }
}

/** The edge for the word at byte `place`, in the shader's format; byte `offset` is the first of `bytes`. */
function edge(bytes: Uint8Array, offset: number, place: number): number[] {
  const word = new Uint8Array(8);
  for (let i = 0; i < 4; i++) {
    const byte = bytes[place + i - offset];
    if (byte === undefined) continue;
    word[i] = 0xff;
    word[4 + i] = byte;
  }
  // Both in the device's byte order, which is this machine's.
  return [place / 4, ...new Uint32Array(word.buffer), 0];
}

/** Flags of the WebGPU standard as numbers: Node lacks the globals. */
export const BufferUsage = {
  MAP_READ: 0x0001,
  COPY_SRC: 0x0004,
  COPY_DST: 0x0008,
  UNIFORM: 0x0040,
  STORAGE: 0x0080,
  QUERY_RESOLVE: 0x0200,
} as const;

export const MapMode = { READ: 0x0001 } as const;

export const ShaderStage = { COMPUTE: 0x4 } as const;

/** Alignment of dynamic offsets that every device guarantees. */
export const OFFSET_ALIGNMENT = 256;

/** Bytes of immediates that each device has that has any. */
export const IMMEDIATE_BYTES = 64;

/** Alignment of a uniform's size. */
export const UNIFORM_ALIGNMENT = 16;

export function alignUp(bytes: number, alignment: number): number {
  return Math.ceil(bytes / alignment) * alignment;
}

/** Tiny files of the formats that the data readers take, for their tests. */
import { gzipSync } from "node:zlib";

/** An IDX file: `typeCode` as in the format, elements given as bytes. */
export function idxFile(shape: readonly number[], elements: ArrayLike<number>, typeCode = 0x08): Uint8Array {
  const header = new DataView(new ArrayBuffer(4 + 4 * shape.length));
  header.setUint8(2, typeCode);
  header.setUint8(3, shape.length);
  shape.forEach((length, axis) => {
    header.setUint32(4 + 4 * axis, length);
  });
  return Uint8Array.from([...new Uint8Array(header.buffer), ...Array.from(elements)]);
}

export const packed = (bytes: Uint8Array): Uint8Array => Uint8Array.from(gzipSync(bytes));

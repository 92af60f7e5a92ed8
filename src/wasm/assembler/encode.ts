/** Bytes of the WebAssembly binary format (WebAssembly Core Specification 2.0, section 5). */

/** Code or data in the order of its bytes, nested so that putting pieces together copies nothing. */
export type Code = readonly (number | Code | Uint8Array)[];

/** An unsigned integer below 2^53 in LEB128. */
export function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  bytes.push(rest);
  return bytes;
}

/** A signed 32-bit integer in LEB128. */
export function signed(value: number): number[] {
  const bytes: number[] = [];
  let rest = value | 0;
  while (rest < -0x40 || rest >= 0x40) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>= 7;
  }
  bytes.push(rest & 0x7f);
  return bytes;
}

const scratch = new DataView(new ArrayBuffer(8));

/** A 32-bit float, little-endian. */
export function float32(value: number): number[] {
  scratch.setFloat32(0, value, true);
  return [0, 1, 2, 3].map((i) => scratch.getUint8(i));
}

/** A 64-bit float, little-endian. */
export function float64(value: number): number[] {
  scratch.setFloat64(0, value, true);
  return [0, 1, 2, 3, 4, 5, 6, 7].map((i) => scratch.getUint8(i));
}

/** A name in ASCII, with its length before it. */
export function text(name: string): Code {
  return [unsigned(name.length), [...name].map((letter) => letter.charCodeAt(0))];
}

/** A vector of the format: the number of its items, and the items. */
export function list(items: readonly Code[]): Code {
  return [unsigned(items.length), items];
}

/** A part of a module or of a function with its number of bytes before it. */
export function sized(code: Code): Code {
  const bytes = flatten(code);
  return [unsigned(bytes.length), bytes];
}

/** All bytes in order. */
export function flatten(code: Code): Uint8Array<ArrayBuffer> {
  let bytes = new Uint8Array(1024);
  let at = 0;
  const write = (part: Code) => {
    for (const item of part) {
      const count = typeof item === "number" ? 1 : item instanceof Uint8Array ? item.length : 0;
      if (at + count > bytes.length) {
        const larger = new Uint8Array(2 * (at + count));
        larger.set(bytes);
        bytes = larger;
      }
      if (typeof item === "number") bytes[at++] = item;
      else if (item instanceof Uint8Array) {
        bytes.set(item, at);
        at += count;
      } else write(item);
    }
  };
  write(code);
  return bytes.slice(0, at);
}

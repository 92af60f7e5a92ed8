/**
 * The IDX format of MNIST and its relatives: two zero bytes, the element type, the number of axes, the length of each
 * axis, then the elements. All numbers are big-endian.
 */

import { checkSignal } from "../abort.ts";
import { asBytes, checkOptions, checkString, checkWhole, inWords, isList } from "../checks.ts";
import { type Dataset, dataset } from "./dataset.ts";
import { GUNZIP_OPTIONS, type GunzipOptions, unpacked } from "./gzip.ts";
import { isGzip } from "./gzipMember.ts";

/** The array of an IDX file; `shape` counts the samples first. */
export interface IdxArray {
  readonly shape: readonly number[];
  readonly data: Uint8Array | Int8Array | Int16Array | Int32Array | Float32Array | Float64Array;
}

interface IdxType {
  readonly bytes: number;
  read(view: DataView, count: number): IdxArray["data"];
}

/** An element type whose values are read one by one; `at` is a position in bytes. */
function type(
  make: { new (length: number): IdxArray["data"]; BYTES_PER_ELEMENT: number },
  get: (view: DataView, at: number) => number,
): IdxType {
  const bytes = make.BYTES_PER_ELEMENT;
  return {
    bytes,
    read(view, count) {
      const data = new make(count);
      for (let i = 0; i < count; i++) data[i] = get(view, i * bytes);
      return data;
    },
  };
}

const TYPES: ReadonlyMap<number, IdxType> = new Map([
  [
    0x08,
    {
      bytes: 1,
      read: (view: DataView, count: number) => new Uint8Array(view.buffer, view.byteOffset, count).slice(),
    },
  ],
  [0x09, type(Int8Array, (view, at) => view.getInt8(at))],
  [0x0b, type(Int16Array, (view, at) => view.getInt16(at))],
  [0x0c, type(Int32Array, (view, at) => view.getInt32(at))],
  [0x0d, type(Float32Array, (view, at) => view.getFloat32(at))],
  [0x0e, type(Float64Array, (view, at) => view.getFloat64(at))],
]);

const hex = (value: number, digits: number) => value.toString(16).padStart(digits, "0");

/**
 * Reads an unpacked IDX file.
 * @param name name of the file for error messages
 * @returns a copy of the elements in their own type
 * @throws Error where the file is no IDX file, is cut off, or goes on after the elements
 * @throws TypeError where `source` is no Uint8Array or ArrayBuffer
 */
export function parseIdx(source: Uint8Array | ArrayBuffer, name = "idx"): IdxArray {
  const bytes = asBytes("parseIdx", source);
  checkString("parseIdx: the name", name);
  if (isGzip(bytes))
    throw new Error(
      `${name}: a gzip file where an unpacked IDX file was expected; use readIdx, which unpacks`,
    );
  const header = readHeader(bytes, name);
  if (header === undefined) {
    const expected = bytes.length < 4 ? "expected 4 and more" : `${bytes[3]} axes take ${headerBytes(bytes)}`;
    throw new Error(`${name}: the IDX header is cut off: ${bytes.length} bytes; ${expected}`);
  }
  const { elementType, shape, start, count, size } = header;
  if (bytes.length !== size) {
    const what = bytes.length < size ? "cut off" : "too long";
    throw new Error(
      `${name}: the IDX file is ${what}: ${bytes.length} bytes; shape [${inBrief(shape)}] takes ${size}`,
    );
  }
  const elements = new DataView(bytes.buffer, bytes.byteOffset + start, bytes.length - start);
  return { shape, data: elementType.read(elements, count) };
}

interface Header {
  readonly elementType: IdxType;
  readonly shape: readonly number[];
  /** Where the elements begin, in bytes; below, their number, and the bytes of the whole file. */
  readonly start: number;
  readonly count: number;
  readonly size: number;
}

/** Bytes of a header, by its first four. */
const headerBytes = (bytes: Uint8Array) => 4 + 4 * bytes[3];

/**
 * The header; undefined where bytes of it are missing.
 * @throws Error where it is none
 */
function readHeader(bytes: Uint8Array, name: string): Header | undefined {
  if (bytes.length < 4) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const magic = view.getUint32(0);
  if (magic >>> 16 !== 0) {
    throw new Error(
      `${name}: not an IDX file: the magic number is 0x${hex(magic, 8)}; expected two zero bytes first`,
    );
  }
  const typeCode = (magic >>> 8) & 0xff;
  const elementType = TYPES.get(typeCode);
  if (elementType === undefined) {
    const known = [...TYPES.keys()].map((code) => `0x${hex(code, 2)}`).join(", ");
    throw new Error(`${name}: unknown IDX element type 0x${hex(typeCode, 2)}; expected one of ${known}`);
  }
  const axes = magic & 0xff;
  if (axes === 0) throw new Error(`${name}: the IDX header has no axes; expected one or more`);
  const start = headerBytes(bytes);
  if (bytes.length < start) return undefined;
  const shape = Array.from({ length: axes }, (_, axis) => view.getUint32(4 + 4 * axis));
  // Infinite where the product is beyond all numbers; an axis of 0 makes it 0 even then.
  const count = shape.includes(0) ? 0 : shape.reduce((product, length) => product * length, 1);
  return { elementType, shape, start, count, size: start + count * elementType.bytes };
}

/** The first axes: there may be 255. */
const inBrief = (shape: readonly number[]) =>
  `${shape.slice(0, 8).join(", ")}${shape.length > 8 ? ", …" : ""}`;

/**
 * Reads an IDX file, packed with gzip or not. A packed file is unpacked as far as its header says, and no further.
 * @param name name of the file for error messages
 * @throws Error as `gunzip` and `parseIdx`; the signal's reason
 * @throws TypeError where `source` is no Uint8Array or ArrayBuffer, or an option is unknown
 */
export async function readIdx(
  source: Uint8Array | ArrayBuffer,
  name = "idx",
  options: GunzipOptions = {},
): Promise<IdxArray> {
  const bytes = asBytes("readIdx", source);
  checkString("readIdx: the name", name);
  checkOptions("readIdx", options, GUNZIP_OPTIONS);
  checkSignal("readIdx", options.signal);
  options.signal?.throwIfAborted();
  if (!isGzip(bytes)) return parseIdx(bytes, name);
  return parseIdx(await unpacked(bytes, name, options, (start) => readHeader(start, name)?.size), name);
}

/**
 * Builds a data set of grey images with a class each, from the arrays of MNIST and its relatives.
 * @param images bytes of shape [count, height, width]; samples get shape [1, height, width] and scale 1/255
 * @param labels bytes of shape [count], each below `classes`
 * @throws Error where an array has another type or shape
 * @throws RangeError where `classes` is no whole number from 1, or as `dataset`
 * @throws TypeError where `images` or `labels` is no array of `parseIdx`
 */
export function idxImages(name: string, images: IdxArray, labels: IdxArray, classes: number): Dataset {
  checkString("idxImages: the name", name);
  checkWhole("idxImages: classes", classes);
  const check = (what: string, array: IdxArray, axes: number): Uint8Array => {
    if (!isList(array?.data) || !isList(array.shape))
      throw new TypeError(`idxImages: ${what} is ${inWords(array)}; give the array that parseIdx returns`);
    if (array.data instanceof Uint8Array && array.shape.length === axes) return array.data;
    const got = `${array.data.constructor.name} of shape [${array.shape.join(", ")}]`;
    throw new TypeError(
      `${name}: ${what}: got ${got}; expected a Uint8Array with ${axes === 1 ? "1 axis" : `${axes} axes`}`,
    );
  };
  return dataset({
    name,
    inputs: { data: check("images", images, 3), shape: [1, ...images.shape.slice(1)], scale: 1 / 255 },
    targets: { data: check("labels", labels, 1) },
    classes,
  });
}

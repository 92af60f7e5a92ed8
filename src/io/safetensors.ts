/**
 * The safetensors format (Hugging Face, 2022): eight bytes with the length of the header, little-endian; the header,
 * JSON with each tensor's type, shape and place; then the tensors' bytes, without gaps.
 */

import { asBytes, checkString, inWords, isPromise, isWhole } from "../checks.ts";
import type { Elements } from "../dtypes.ts";
import { brief, parseJson } from "./json.ts";
import { atOnce, type Pieces } from "./pieces.ts";

/** A tensor: `data` holds the product of `shape` elements in row-major order; shape [] is a single number. */
export interface SafetensorsTensor {
  readonly shape: readonly number[];
  readonly data: Elements;
}

/** Tensors by name, to be encoded. */
export type Tensors = Readonly<Record<string, SafetensorsTensor>> | ReadonlyMap<string, SafetensorsTensor>;

/** The content of a safetensors file. */
export interface SafetensorsFile {
  readonly tensors: Map<string, SafetensorsTensor>;
  /** Element type of each tensor in the file, by the format's names: F32, F16 … */
  readonly dtypes: ReadonlyMap<string, string>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Elements that are read or written before a page may get its turn: some milliseconds. */
const PIECE = 2 ** 20;

/** Reader of an element type: `bytes` for each element, little-endian. */
interface Dtype {
  readonly bytes: number;
  readonly array: new (length: number) => Elements;
  /** Reads the elements from `from` up to `to` into `data`; `view` begins with the first; `where` opens an error message. */
  read(view: DataView, data: Elements, from: number, to: number, where: string): void;
}

/** A reader of elements one by one. */
function each(
  bytes: number,
  array: Dtype["array"],
  get: (view: DataView, at: number, where: string) => number,
): Dtype {
  return {
    bytes,
    array,
    read(view, data, from, to, where) {
      for (let i = from; i < to; i++) data[i] = get(view, i * bytes, where);
    },
  };
}

const DTYPES: ReadonlyMap<string, Dtype> = new Map<string, Dtype>([
  ["F32", each(4, Float32Array, (view, at) => view.getFloat32(at, true))],
  ["F16", each(2, Float32Array, (view, at) => halfToNumber(view.getUint16(at, true)))],
  ["BF16", each(2, Float32Array, (view, at) => bfloatToNumber(view.getUint16(at, true)))],
  ["F64", each(8, Float32Array, float64)],
  ["I32", each(4, Int32Array, (view, at) => view.getInt32(at, true))],
  ["U8", { bytes: 1, array: Uint8Array, read: copyBytes }],
  ["I64", each(8, Int32Array, int64)],
]);

/** IEEE 754 half precision: a sign, 5 bits of exponent, 10 of fraction. */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const converter = new DataView(new ArrayBuffer(4));

/** bfloat16: the upper half of an f32. */
function bfloatToNumber(bits: number): number {
  converter.setUint16(2, bits, true);
  return converter.getFloat32(0, true);
}

function copyBytes(view: DataView, data: Elements, from: number, to: number): void {
  data.set(new Uint8Array(view.buffer, view.byteOffset + from, to - from), from);
}

function float64(view: DataView, at: number, where: string): number {
  const value = view.getFloat64(at, true);
  if (Number.isFinite(value) && !Number.isFinite(Math.fround(value))) {
    throw new Error(`${where}: element ${at / 8} is ${value}, which f32 cannot hold; F64 is read into f32`);
  }
  return value;
}

function int64(view: DataView, at: number, where: string): number {
  const value = view.getBigInt64(at, true);
  if (BigInt.asIntN(32, value) !== value) {
    throw new Error(
      `${where}: element ${at / 8} is ${value}, which 32 bits cannot hold; I64 is read into 32-bit integers`,
    );
  }
  return Number(value);
}

/** Name of the type that an array is written as. */
function dtypeOf(data: Elements): string | undefined {
  if (data instanceof Float32Array) return "F32";
  if (data instanceof Int32Array) return "I32";
  return data instanceof Uint8Array ? "U8" : undefined;
}

const METADATA = "__metadata__";
const LENGTH_BYTES = 8;
const ALIGNMENT = 8;
/** The format's limit. */
const MAX_HEADER_BYTES = 100_000_000;

/** Infinite where a product is beyond all numbers; an axis of 0 makes it 0 even then. */
const elements = (shape: readonly number[]) =>
  shape.includes(0) ? 0 : shape.reduce((product, length) => product * length, 1);
const isLength = (value: unknown): value is number => isWhole(value) && !Object.is(value, -0);
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * Encodes tensors as a safetensors file, in the given order, as F32, I32 or U8 by the type of the array. Spaces pad the
 * header, so that tensors start at a multiple of 8 bytes.
 * @param metadata texts kept in the header
 * @throws Error where a tensor's data and shape disagree, or the format reserves its name
 * @throws TypeError where `tensors` or `metadata` is no object, or `data` has another type
 */
export function encodeSafetensors(
  tensors: Tensors,
  metadata?: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> {
  return atOnce(encoding(tensors, metadata));
}

/** As `encodeSafetensors`, in pieces. */
export function* encoding(
  tensors: Tensors,
  metadata?: Readonly<Record<string, string>>,
): Pieces<Uint8Array<ArrayBuffer>> {
  for (const [what, given] of Object.entries({ tensors, metadata: metadata === undefined ? {} : metadata })) {
    if (typeof given === "object" && given !== null && !isPromise(given)) continue;
    throw new TypeError(`encodeSafetensors: ${what} is ${inWords(given)}; give an object, values by name`);
  }
  const entries = tensors instanceof Map ? [...tensors] : Object.entries(tensors);
  const fields: string[] = [];
  if (metadata !== undefined) fields.push(`"${METADATA}":${JSON.stringify(metadata)}`);
  let size = 0;
  for (const [name, { shape, data }] of entries) {
    const where = `safetensors: tensor "${name}"`;
    const dtype = dtypeOf(data);
    if (name === METADATA) throw new Error(`${where}: the format reserves this name; choose another`);
    if (dtype === undefined) throw new Error(`${where}: expected a Float32Array, Int32Array or Uint8Array`);
    if (!shape.every(isLength) || elements(shape) !== data.length) {
      throw new Error(`${where}: shape [${shape.join(", ")}] does not fit ${data.length} elements`);
    }
    const data_offsets = [size, size + data.byteLength];
    fields.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets })}`);
    size += data.byteLength;
  }

  const json = new TextEncoder().encode(`{${fields.join(",")}}`);
  const headerBytes = Math.ceil(json.length / ALIGNMENT) * ALIGNMENT;
  if (headerBytes > MAX_HEADER_BYTES) {
    throw new Error(`safetensors: the names and texts take ${headerBytes} bytes, beyond the limit of 100 MB`);
  }
  const dataStart = LENGTH_BYTES + headerBytes;
  const file = new Uint8Array(dataStart + size);
  const view = new DataView(file.buffer);
  view.setBigUint64(0, BigInt(headerBytes), true);
  file.set(json, LENGTH_BYTES);
  file.fill(0x20, LENGTH_BYTES + json.length, dataStart);
  let at = dataStart;
  for (const [, { data }] of entries) {
    yield* writing(view, at, data);
    at += data.byteLength;
  }
  return file;
}

/** Writes elements as little-endian, whatever the machine's byte order. */
function* writing(view: DataView, start: number, data: Elements): Pieces<void> {
  for (let from = 0; from < data.length; from += PIECE) {
    const to = Math.min(data.length, from + PIECE);
    if (data instanceof Uint8Array) new Uint8Array(view.buffer).set(data.subarray(from, to), start + from);
    else if (data instanceof Float32Array)
      for (let i = from; i < to; i++) view.setFloat32(start + 4 * i, data[i], true);
    else for (let i = from; i < to; i++) view.setInt32(start + 4 * i, data[i], true);
    yield;
  }
}

/** A checked tensor entry of the header. */
interface Entry {
  readonly name: string;
  readonly dtypeName: string;
  readonly dtype: Dtype;
  readonly shape: number[];
  readonly begin: number;
  readonly end: number;
}

/**
 * Decodes a safetensors file. F16, BF16 and F64 become f32, I64 becomes 32-bit integers.
 * @param name name of the file for error messages
 * @returns the tensors, copied, in the order of their data, and the texts of `__metadata__`
 * @throws Error where the file is cut off or too long, or the header is wrong in any way; nothing is guessed
 * @throws TypeError where `source` holds no bytes
 */
export function decodeSafetensors(source: Uint8Array | ArrayBuffer, name = "safetensors"): SafetensorsFile {
  return atOnce(decoding(source, name));
}

/** As `decodeSafetensors`, in pieces. */
export function* decoding(source: Uint8Array | ArrayBuffer, name: string): Pieces<SafetensorsFile> {
  const bytes = asBytes("decodeSafetensors", source);
  checkString("decodeSafetensors: the name", name);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const headerBytes = headerLength(view, name);
  const dataStart = LENGTH_BYTES + headerBytes;
  const header = parseHeader(bytes.subarray(LENGTH_BYTES, dataStart), name);
  const metadata = checkMetadata(header.get(METADATA), name);
  header.delete(METADATA);

  const entries = [...header].map(([tensor, value]) =>
    checkEntry(tensor, value, `${name}: tensor ${brief(tensor)}`),
  );
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  checkPlaces(entries, bytes.length - dataStart, name);

  const tensors = new Map<string, SafetensorsTensor>();
  for (const { name: tensor, dtype, shape, begin, end } of entries) {
    const part = new DataView(bytes.buffer, bytes.byteOffset + dataStart + begin, end - begin);
    const data = new dtype.array(elements(shape));
    const where = `${name}: tensor ${brief(tensor)}`;
    for (let from = 0; from < data.length; from += PIECE) {
      dtype.read(part, data, from, Math.min(data.length, from + PIECE), where);
      yield;
    }
    tensors.set(tensor, { shape, data });
  }
  return { tensors, dtypes: new Map(entries.map(({ name, dtypeName }) => [name, dtypeName])), metadata };
}

function headerLength(view: DataView, name: string): number {
  if (view.byteLength < LENGTH_BYTES) {
    throw new Error(
      `${name}: the file is cut off: ${view.byteLength} bytes; a safetensors file has 10 and more`,
    );
  }
  const length = view.getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER_BYTES)) {
    throw new Error(
      `${name}: the header would have ${length} bytes, beyond the limit of 100 MB; is this a safetensors file?`,
    );
  }
  const present = view.byteLength - LENGTH_BYTES;
  if (length > BigInt(present)) {
    throw new Error(
      `${name}: the file is cut off: the header has ${length} bytes, but ${present} follow its length`,
    );
  }
  return Number(length);
}

/** The header's fields in order. */
function parseHeader(bytes: Uint8Array, name: string): Map<string, unknown> {
  let text: string;
  let header: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new Error(`${name}: the header is no text in UTF-8`, { cause });
  }
  try {
    header = parseJson(text);
  } catch (cause) {
    throw new Error(`${name}: the header ${(cause as Error).message}`, { cause });
  }
  if (!isObject(header) || !text.startsWith("{")) {
    throw new Error(
      `${name}: the header is no JSON object; expected {"name": {…}, …} from its first byte on`,
    );
  }
  return new Map(Object.entries(header));
}

function checkMetadata(value: unknown, name: string): Record<string, string> {
  if (value === undefined) return {};
  if (!isObject(value) || !Object.values(value).every((text) => typeof text === "string")) {
    throw new Error(`${name}: ${METADATA} is no object of texts; expected {"key": "text", …}`);
  }
  // Without a prototype, there is nothing under a name that the file does not hold, such as "constructor".
  return Object.assign(Object.create(null), value);
}

function checkEntry(name: string, value: unknown, where: string): Entry {
  if (!isObject(value))
    throw new Error(`${where}: expected {"dtype", "shape", "data_offsets"}, got ${brief(value)}`);
  const { dtype: dtypeName, shape, data_offsets: offsets } = value;
  const dtype = typeof dtypeName === "string" ? DTYPES.get(dtypeName) : undefined;
  if (dtype === undefined) {
    throw new Error(
      `${where}: dtype is ${brief(dtypeName)}; expected one of ${[...DTYPES.keys()].join(", ")}`,
    );
  }
  if (!Array.isArray(shape) || !shape.every(isLength)) {
    throw new Error(`${where}: shape is ${brief(shape)}; expected a list of non-negative integers`);
  }
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isLength)) {
    throw new Error(`${where}: data_offsets is ${brief(offsets)}; expected [begin, end] in bytes`);
  }
  const [begin, end] = offsets;
  const expected = elements(shape) * dtype.bytes;
  if (end - begin !== expected) {
    throw new Error(
      `${where}: data_offsets [${begin}, ${end}] hold ${end - begin} bytes; ` +
        `${dtypeName} of shape ${brief(shape)} takes ${expected}`,
    );
  }
  return { name, dtypeName: dtypeName as string, dtype, shape, begin, end };
}

/** Checks that the tensors' bytes follow each other from the start to the end of the data. */
function checkPlaces(entries: readonly Entry[], dataBytes: number, name: string): void {
  let reached = 0;
  for (const { name: tensor, begin, end } of entries) {
    const where = `${name}: tensor ${brief(tensor)}: data_offsets [${begin}, ${end}]`;
    if (end > dataBytes)
      throw new Error(`${where} end beyond the file's ${dataBytes} bytes of data; is the file cut off?`);
    if (begin < reached) throw new Error(`${where} overlap the tensor before, which ends at ${reached}`);
    if (begin > reached) throw new Error(`${where} leave a gap after ${reached}`);
    reached = end;
  }
  if (reached !== dataBytes) {
    throw new Error(
      `${name}: ${dataBytes - reached} bytes follow the last tensor; expected the file to end there`,
    );
  }
}

/** Epochs of a checkpoint as bytes: JSON, extended by values that JSON lacks. */
import { inWords, isWhole } from "../checks.ts";
import { brief, parseJson } from "../io/json.ts";
import type { Epoch } from "./fit.ts";

/** Marks a value that JSON lacks: { "$": kind, … }. */
const TAG = "$";

type List = readonly number[] | Exclude<ArrayBufferView, DataView | BigInt64Array | BigUint64Array>;
const LISTS: Readonly<Record<string, new (length: number) => ArrayLike<number>>> = {
  Array,
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
};

/**
 * Elements that an epoch may still hold in lists of mostly zeros, which are written by the places of the others: as many
 * as confusion matrices have, and some. Further lists are written in full, so that a file that is read takes no more
 * memory than it has bytes, and than the classes of the run explain.
 */
interface Room {
  left: number;
}

const roomOf = (classes: number): Room => ({ left: 2 * classes ** 2 + 2 ** 13 });

/** Epochs never change: each is encoded once, for any number of checkpoints. */
const written = new WeakMap<Epoch, string>();

/**
 * JSON lines, one for each epoch. Values that are no plain data, such as functions among a metric's values, are left
 * out.
 * @param classes number of the data set's classes, 0 without
 */
export function encodeEpochs(epochs: readonly Epoch[], classes: number): Uint8Array {
  const lines = epochs.map((epoch) => {
    const line = written.get(epoch) ?? JSON.stringify(packed(epoch, roomOf(classes)));
    written.set(epoch, line);
    return `${line}\n`;
  });
  return new TextEncoder().encode(lines.join(""));
}

/** Number of epochs in a history. */
export function countEpochs(bytes: Uint8Array): number {
  return bytes.reduce((count, byte) => count + Number(byte === 0x0a), 0);
}

/** @throws Error naming the invalid part of the history */
export function decodeEpochs(bytes: Uint8Array, classes: number): Epoch[] {
  let lines: string[];
  try {
    lines = new TextDecoder("utf-8", { fatal: true }).decode(bytes).split("\n");
  } catch (cause) {
    throw new Error("the history is no text in UTF-8", { cause });
  }
  if (lines.pop() !== "") throw new Error("the history is cut off");
  return lines.map((line, i) => {
    const epoch = unpacked(parsed(line, i + 1), roomOf(classes)) as Epoch;
    checkEpoch(epoch, i + 1);
    return epoch;
  });
}

function parsed(line: string, number: number): unknown {
  try {
    return parseJson(line);
  } catch (cause) {
    throw new Error(`the history's epoch ${number} ${(cause as Error).message}`, { cause });
  }
}

/** Plain data as JSON, extended by values that JSON lacks. */
export function encodePlain(value: unknown): string {
  return JSON.stringify(packed(value, roomOf(0)) ?? null);
}

/** @throws Error where the text is none of {@link encodePlain} */
export function decodePlain(text: string): unknown {
  return unpacked(parseJson(text), roomOf(0));
}

function packed(value: unknown, room: Room): unknown {
  if (Object.is(value, -0)) return { [TAG]: "number", is: "-0" };
  if (typeof value === "number")
    return Number.isFinite(value) ? value : { [TAG]: "number", is: String(value) };
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value !== "object") return undefined;
  if (isList(value)) return packedList(value, room);
  if (Array.isArray(value)) return value.map((one) => packed(one, room) ?? null);
  const own = Object.entries(value).map(([key, one]) => [
    key.startsWith(TAG) ? `${TAG}${key}` : key,
    packed(one, room),
  ]);
  return Object.fromEntries(own);
}

function isList(value: object): value is List {
  if (Array.isArray(value)) return value.length > 0 && value.every((one) => typeof one === "number");
  return ArrayBuffer.isView(value) && value.constructor.name in LISTS;
}

/**
 * A list of numbers: complete, or for mostly zeros, as in a confusion matrix of many classes, the others with their
 * positions.
 */
function packedList(list: List, room: Room): unknown {
  const numbers = list as readonly number[];
  const places: number[] = [];
  for (let i = 0; i < numbers.length; i++) if (numbers[i] !== 0 || Object.is(numbers[i], -0)) places.push(i);
  const type = list.constructor.name;
  if (places.length * 3 + 8 > numbers.length || numbers.length > room.left) {
    const all = Array.from(numbers, (one) => packed(one, room));
    return type === "Array" ? all : { [TAG]: type, all };
  }
  room.left -= numbers.length;
  return {
    [TAG]: type,
    length: numbers.length,
    at: places,
    are: places.map((place) => packed(numbers[place], room)),
  };
}

function unpacked(value: unknown, room: Room): unknown {
  if (Array.isArray(value)) return value.map((one) => unpacked(one, room));
  if (typeof value !== "object" || value === null) return value;
  const { [TAG]: tag } = value as Record<string, unknown>;
  if (tag === "number") return unpackedNumber(value);
  if (tag !== undefined) return unpackedList(tag, value, room);
  const own = Object.entries(value).map(([key, one]) => [
    key.startsWith(TAG) ? key.slice(1) : key,
    unpacked(one, room),
  ]);
  return Object.fromEntries(own);
}

function unpackedNumber(value: object): number {
  const { is } = value as Record<string, unknown>;
  const number = [-0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY].find(
    (one) => (Object.is(one, -0) ? "-0" : String(one)) === is,
  );
  if (number === undefined) throw new Error(`the history holds ${brief(value)}, which is no number`);
  return number;
}

function unpackedList(type: unknown, value: object, room: Room): ArrayLike<number> {
  const { all, at, are = all, length: given } = value as Record<string, unknown>;
  const make = typeof type === "string" && Object.hasOwn(LISTS, type) ? LISTS[type] : undefined;
  const length = at === undefined ? Object(are).length : given;
  const places = at ?? are;
  if (
    !make ||
    !Array.isArray(are) ||
    !Array.isArray(places) ||
    places.length !== are.length ||
    !isWhole(length)
  )
    throw new Error(`the history holds ${brief(value)}, which is no list of numbers`);
  if (at !== undefined) room.left -= length;
  if (room.left < 0) throw new Error(`the history holds a list of ${length}, more than its run explains`);
  const list = new make(length) as number[];
  if (Array.isArray(list)) list.fill(0);
  are.forEach((one, i) => {
    const place = Array.isArray(at) ? at[i] : i;
    if (!isWhole(place, 0, length - 1)) throw new Error(`a list of the history has no place ${brief(place)}`);
    const number = unpacked(one, room);
    if (typeof number !== "number") throw new Error(`a list of the history holds ${brief(one)}`);
    list[place] = number;
  });
  return list;
}

const FIGURES = ["loss", "seconds", "validationSeconds", "samplesPerSecond"] as const;

/** @throws Error unless `epoch` is an epoch of `fit` with this number */
function checkEpoch(epoch: Epoch, number: number): void {
  const where = `the history's epoch ${number}`;
  if (typeof epoch !== "object" || epoch === null) throw new Error(`${where} is ${inWords(epoch)}`);
  if (epoch.epoch !== number) throw new Error(`${where} is called ${inWords(epoch.epoch)}`);
  for (const key of FIGURES) {
    if (typeof epoch[key] !== "number") throw new Error(`${where} has ${inWords(epoch[key])} as ${key}`);
  }
  if (!Number.isFinite(epoch.loss)) throw new Error(`${where} has ${epoch.loss} as loss`);
  const { accuracy, validation } = epoch;
  if (accuracy !== undefined && typeof accuracy !== "number")
    throw new Error(`${where} has ${inWords(accuracy)} as accuracy`);
  if (validation !== undefined && typeof validation?.loss !== "number")
    throw new Error(`${where} has ${inWords(validation)} as validation`);
}

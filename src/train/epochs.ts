/** Epochs of a checkpoint as bytes: JSON, extended by values that JSON lacks. */
import { inWords, isWhole } from "../checks.ts";
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

/** Epochs never change: each is encoded once, for any number of checkpoints. */
const written = new WeakMap<Epoch, string>();

/**
 * JSON lines, one for each epoch. Values that are no plain data, such as functions among a metric's values, are left
 * out.
 */
export function encodeEpochs(epochs: readonly Epoch[]): Uint8Array {
  const lines = epochs.map((epoch) => {
    const line = written.get(epoch) ?? JSON.stringify(packed(epoch));
    written.set(epoch, line);
    return `${line}\n`;
  });
  return new TextEncoder().encode(lines.join(""));
}

/** @throws Error naming the invalid part of the history */
export function decodeEpochs(bytes: Uint8Array): Epoch[] {
  const lines = new TextDecoder("utf-8", { fatal: true }).decode(bytes).split("\n");
  if (lines.pop() !== "") throw new Error("the history is cut off");
  return lines.map((line, i) => {
    const epoch = unpacked(JSON.parse(line)) as Epoch;
    checkEpoch(epoch, i + 1);
    return epoch;
  });
}

function packed(value: unknown): unknown {
  if (Object.is(value, -0)) return { [TAG]: "number", is: "-0" };
  if (typeof value === "number")
    return Number.isFinite(value) ? value : { [TAG]: "number", is: String(value) };
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value !== "object") return undefined;
  if (isList(value)) return packedList(value);
  if (Array.isArray(value)) return value.map((one) => packed(one) ?? null);
  const own = Object.entries(value).map(([key, one]) => [
    key.startsWith(TAG) ? `${TAG}${key}` : key,
    packed(one),
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
function packedList(list: List): unknown {
  const numbers = list as readonly number[];
  const places: number[] = [];
  for (let i = 0; i < numbers.length; i++) if (numbers[i] !== 0 || Object.is(numbers[i], -0)) places.push(i);
  const type = list.constructor.name;
  if (places.length * 3 + 8 > numbers.length) {
    const all = Array.from(numbers, packed);
    return type === "Array" ? all : { [TAG]: type, all };
  }
  return {
    [TAG]: type,
    length: numbers.length,
    at: places,
    are: places.map((place) => packed(numbers[place])),
  };
}

function unpacked(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(unpacked);
  if (typeof value !== "object" || value === null) return value;
  const { [TAG]: tag, is } = value as Record<string, unknown>;
  if (tag === "number") return Number(is);
  if (tag !== undefined) return unpackedList(String(tag), value);
  const own = Object.entries(value).map(([key, one]) => [
    key.startsWith(TAG) ? key.slice(1) : key,
    unpacked(one),
  ]);
  return Object.fromEntries(own);
}

/** Limit of a list's length, above any list of a history. */
const MOST = 2 ** 27;

function unpackedList(type: string, value: object): ArrayLike<number> {
  const { all, at, are = all, length = (all as unknown[])?.length } = value as Record<string, unknown>;
  const make = Object.hasOwn(LISTS, type) ? LISTS[type] : undefined;
  if (!make || !Array.isArray(are) || !isWhole(length, 0, MOST)) {
    throw new Error(`the history holds ${inWords(value)}, which is no list of numbers`);
  }
  const list = new make(length) as number[];
  if (Array.isArray(list)) list.fill(0);
  are.forEach((one, i) => {
    const place = Array.isArray(at) ? at[i] : i;
    if (!isWhole(place, 0, length - 1))
      throw new Error(`a list of the history has no place ${inWords(place)}`);
    list[place] = unpacked(one) as number;
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

/** Mutations of files: what storage, networks and people do to them, as data that fast-check draws and shrinks. */
import fc from "fast-check";

/** A file that readers accept, and its parts that are JSON: read, and written back so that the file around it is whole. */
export interface Sample {
  readonly bytes: Uint8Array;
  readonly texts?: readonly JsonPart[];
}

export interface JsonPart {
  readonly text: string;
  /** The file with another text in this place. */
  with(text: string): Uint8Array;
}

type Edit = (bytes: Uint8Array, samples: readonly Sample[]) => Uint8Array;

/** Where in a file, as a fraction of its length: it stays in place while a file shrinks. */
const place = fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(0, 1));
/** The head of a file is where most can go wrong. */
const early = fc.nat(63).map((byte) => ({ byte }));
const where = fc.oneof(place, early);
type Where = number | { byte: number };

function at(position: Where, length: number): number {
  const byte = typeof position === "number" ? Math.floor(position * length) : position.byte;
  return Math.max(0, Math.min(byte, length - 1));
}

function spliced(bytes: Uint8Array, from: number, removed: number, added: Uint8Array): Uint8Array {
  const result = new Uint8Array(bytes.length - removed + added.length);
  result.set(bytes.subarray(0, from));
  result.set(added, from);
  result.set(bytes.subarray(from + removed), from + added.length);
  return result;
}

const flip = fc.tuple(where, fc.nat(7)).map(
  ([position, bit]): Edit =>
    (bytes) => {
      const copy = bytes.slice();
      if (copy.length > 0) copy[at(position, copy.length)] ^= 1 << bit;
      return copy;
    },
);

const overwrite = fc.tuple(where, fc.nat(255)).map(
  ([position, value]): Edit =>
    (bytes) => {
      const copy = bytes.slice();
      if (copy.length > 0) copy[at(position, copy.length)] = value;
      return copy;
    },
);

const truncate = where.map(
  (position): Edit =>
    (bytes) =>
      bytes.slice(0, at(position, bytes.length)),
);

const remove = fc.tuple(where, fc.integer({ min: 1, max: 24 })).map(
  ([position, count]): Edit =>
    (bytes) => {
      const from = at(position, bytes.length);
      return spliced(bytes, from, Math.min(count, bytes.length - from), new Uint8Array(0));
    },
);

const insert = fc.tuple(where, fc.uint8Array({ minLength: 1, maxLength: 12 })).map(
  ([position, added]): Edit =>
    (bytes) =>
      spliced(bytes, at(position, bytes.length), 0, added),
);

const append = fc.oneof(fc.uint8Array({ minLength: 1, maxLength: 12 }), fc.constant(new Uint8Array(9))).map(
  (added): Edit =>
    (bytes) =>
      spliced(bytes, bytes.length, 0, added),
);

/** Repeats a part of the file; up to 64 KiB, so that a file grows to what takes time where work grows faster. */
const repeat = fc
  .tuple(where, fc.integer({ min: 1, max: 40 }), fc.oneof(fc.nat(8), fc.constantFrom(300, 3000)))
  .map(
    ([position, count, times]): Edit =>
      (bytes) => {
        const from = at(position, bytes.length);
        const part = bytes.subarray(from, from + count);
        const copies = Math.min(times, Math.floor(65_536 / Math.max(part.length, 1)));
        const added = new Uint8Array(copies * part.length);
        for (let copy = 0; copy < copies; copy++) added.set(part, copy * part.length);
        return spliced(bytes, from, 0, added);
      },
  );

/** A part of another file of the format, or of this one, over or between. */
const splice = fc.tuple(fc.nat(99), where, where, fc.integer({ min: 1, max: 64 }), fc.boolean()).map(
  ([other, from, to, count, over]): Edit =>
    (bytes, samples) => {
      const source = samples[other % samples.length].bytes;
      const start = at(from, source.length);
      const part = source.subarray(start, start + count);
      const target = at(to, bytes.length);
      return spliced(bytes, target, over ? Math.min(part.length, bytes.length - target) : 0, part);
    },
);

const EXTREMES = [0n, 1n, 0x7fn, 0x80n, 0xffn, 0x7fffn, 0xffffn, 0x7fffffffn, 0x80000000n, 0xfffffffen];
const WIDE = [0xffffffffn, 0x7fffffffffffffffn, 0x8000000000000000n, 0xffffffffffffffffn, 0x1fffffffffffffn];

/** A length at its extreme, in either order of bytes. */
const extreme = fc
  .tuple(where, fc.constantFrom(1, 2, 4, 8), fc.boolean(), fc.constantFrom(...EXTREMES, ...WIDE))
  .map(
    ([position, width, little, value]): Edit =>
      (bytes) => {
        const copy = bytes.slice();
        if (copy.length < width) return copy;
        const view = new DataView(copy.buffer, Math.min(at(position, copy.length), copy.length - width));
        if (width === 1) view.setUint8(0, Number(value & 0xffn));
        else if (width === 2) view.setUint16(0, Number(value & 0xffffn), little);
        else if (width === 4) view.setUint32(0, Number(value & 0xffffffffn), little);
        else view.setBigUint64(0, value, little);
        return copy;
      },
  );

const NAMES = ["__proto__", "constructor", "hasOwnProperty", "toString", "length", "then", "$", ""];
const deep = (open: string, close: string) => open.repeat(3000) + close.repeat(3000);
/** Values of JSON that programs forget. */
const VALUES = [
  ..."-1 0 -0 1 0.5 1e3 1e308 1e999 -1e999 4294967296 2147483648 9007199254740991 9007199254740993".split(
    " ",
  ),
  ..."null true false [] {} [[]] [null] [0] [1e999] [-1] 123456789".split(" "),
  '""',
  '"\\ud800"',
  '"\\u0000"',
  '"<b>"',
  '"F64"',
  '"NaN"',
  '{"length":134217728}',
  '{"length":1e15}',
  '{"toString":1,"valueOf":2}',
  '{"__proto__":{"polluted":1}}',
  '{"constructor":{"prototype":{"polluted":1}}}',
  '{"$":"Float64Array","length":134217728,"at":[],"are":[]}',
  '{"$":"Array","length":134217728,"at":[0],"are":[1]}',
  '{"$":"number","is":{"toString":1}}',
  '{"$":"number","is":"7"}',
  deep("[", "]"),
  deep('{"a":', "}").replace(":}", ":0}"),
  `"${"long ".repeat(2000)}"`,
  ...NAMES.map((name) => JSON.stringify(name)),
];
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null|\[\]|\{\}/g;

/** Replaces a value or a name of a JSON text, or repeats or removes it: the text stays JSON, or nearly so. */
export function editedJson(
  text: string,
  pick: number,
  value: number,
  way: "replace" | "repeat" | "remove" | "append",
) {
  const tokens = [...text.matchAll(TOKEN)];
  if (tokens.length === 0) return text;
  const token = tokens[pick % tokens.length];
  const end = token.index + token[0].length;
  const isKey = /^\s*:/.test(text.slice(end, end + 9));
  if (way === "remove") {
    // With the comma, or the name, beside it.
    const before = text.slice(0, token.index).replace(/(?:"(?:[^"\\]|\\.)*"\s*:\s*)$/, "");
    return `${before.replace(/,\s*$/, "")}${isKey ? text.slice(token.index) : text.slice(end)}`;
  }
  const added = isKey ? JSON.stringify(NAMES[value % NAMES.length]) : VALUES[value % VALUES.length];
  if (way === "append") {
    const more = isKey ? `${added}:${VALUES[value % VALUES.length]},` : `${added},`;
    return `${text.slice(0, token.index)}${more}${text.slice(token.index)}`;
  }
  if (way === "repeat") return `${text.slice(0, end)},${token[0]}${isKey ? ":0," : ""}${text.slice(end)}`;
  return text.slice(0, token.index) + added + text.slice(end);
}

const jsonEdit = fc.record({
  part: fc.nat(9),
  pick: fc.nat(9999),
  value: fc.nat(VALUES.length - 1),
  way: fc.constantFrom(
    "replace" as const,
    "replace" as const,
    "repeat" as const,
    "remove" as const,
    "append" as const,
  ),
});

const edit = fc.oneof(flip, overwrite, truncate, remove, insert, append, repeat, splice, extreme);

/** Mutated files of a format: edits of bytes, or edits of its JSON in a file that is whole around it, or both. */
export function mutated(samples: readonly Sample[]): fc.Arbitrary<Uint8Array> {
  const texts = samples.some((sample) => sample.texts?.length);
  const bytesOnly = fc
    .tuple(fc.nat(samples.length - 1), fc.array(edit, { minLength: 1, maxLength: 4 }))
    .map(([sample, edits]) => edits.reduce((bytes, one) => one(bytes, samples), samples[sample].bytes));
  if (!texts) return bytesOnly;
  const json = fc
    .tuple(
      fc.nat(samples.length - 1),
      fc.array(jsonEdit, { minLength: 1, maxLength: 3 }),
      fc.option(edit, { freq: 5 }),
    )
    .map(([sample, edits, after]) => {
      const { bytes, texts: parts = [] } = samples[sample];
      if (parts.length === 0) return bytes;
      const part = parts[edits[0].part % parts.length];
      let text = part.text;
      for (const { pick, value, way } of edits) text = editedJson(text, pick, value, way);
      const whole = part.with(text);
      return after ? after(whole, samples) : whole;
    });
  return fc.oneof(bytesOnly, json, json);
}

import { describe, expect, it } from "vitest";
import { decodeSafetensors, encodeSafetensors, type SafetensorsTensor } from "../../src/io/safetensors.ts";
import { normals, randomU32 } from "../../src/random.ts";

/** A file by the format's description, from a header as text: nothing of the library in it. */
function fileOf(header: string, data: readonly number[] = [], headerBytes?: bigint): Uint8Array {
  const text = new TextEncoder().encode(header);
  const start = new DataView(new ArrayBuffer(8));
  start.setBigUint64(0, headerBytes ?? BigInt(text.length), true);
  return Uint8Array.from([...new Uint8Array(start.buffer), ...text, ...data]);
}

/** A file of one tensor "w". */
const oneTensor = (entry: unknown, data: readonly number[] = []) =>
  fileOf(JSON.stringify({ w: entry }), data);

describe("encodeSafetensors", () => {
  it("writes the file that the format describes, byte for byte", () => {
    const file = encodeSafetensors(
      {
        "dense.weight": { shape: [2, 1], data: Float32Array.of(1, -2.5) },
        labels: { shape: [3], data: Uint8Array.of(7, 8, 9) },
        step: { shape: [], data: Int32Array.of(-2) },
      },
      { format: "pt" },
    );
    const header =
      '{"__metadata__":{"format":"pt"},' +
      '"dense.weight":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},' +
      '"labels":{"dtype":"U8","shape":[3],"data_offsets":[8,11]},' +
      '"step":{"dtype":"I32","shape":[],"data_offsets":[11,15]}}';
    const padded = header.padEnd(Math.ceil(header.length / 8) * 8, " ");
    expect(padded.length).not.toBe(header.length);
    const data = [0, 0, 0x80, 0x3f, 0, 0, 0x20, 0xc0, 7, 8, 9, 0xfe, 0xff, 0xff, 0xff];
    expect(file).toEqual(fileOf(padded, data));
  });
  it("writes no tensors as an empty header", () => {
    expect(encodeSafetensors({})).toEqual(fileOf("{}      "));
  });
  it("takes a Map, in its order, and a part of a larger array", () => {
    const data = Float32Array.of(1, 2, 3, 4).subarray(1, 3);
    const file = encodeSafetensors(
      new Map<string, SafetensorsTensor>([
        ["2", { shape: [2], data }],
        ["1", { shape: [0], data: new Uint8Array(0) }],
      ]),
    );
    const { tensors } = decodeSafetensors(file);
    expect([...tensors.keys()]).toEqual(["2", "1"]);
    expect(tensors.get("2")?.data).toEqual(Float32Array.of(2, 3));
  });
  it.each<[string, Record<string, SafetensorsTensor>, string]>([
    [
      "too few elements",
      { w: { shape: [2, 2], data: new Float32Array(3) } },
      'safetensors: tensor "w": shape [2, 2] does not fit 3 elements',
    ],
    [
      "a bad axis",
      { w: { shape: [-1], data: new Float32Array(1) } },
      'tensor "w": shape [-1] does not fit 1 elements',
    ],
    [
      "another array",
      { w: { shape: [1], data: new Float64Array(1) as unknown as Float32Array } },
      "expected a Float32Array, Int32Array or Uint8Array",
    ],
    [
      "the format's own name",
      { __metadata__: { shape: [], data: Uint8Array.of(1) } },
      "the format reserves this name",
    ],
  ])("refuses %s", (_what, tensors, message) => {
    expect(() => encodeSafetensors(tensors)).toThrow(message);
  });
});

describe("round trips", () => {
  const NAMES = [
    "w",
    "layer.0.weight",
    "ä 重み 🎲",
    'quo"te\\back',
    "{}:,",
    "new\nline",
    "__proto__",
    "constructor",
    "7",
  ];
  it.each(Array.from({ length: 40 }, (_, i) => i))("random file %i", (i) => {
    let at = 0;
    const below = (n: number) => randomU32(2024, i, at++) % n;
    const tensors = new Map<string, SafetensorsTensor>();
    for (const name of NAMES.slice(0, below(NAMES.length + 1))) {
      const shape = Array.from({ length: below(4) }, () => below(6));
      const count = shape.reduce((product, length) => product * length, 1);
      const values = normals(count, i, 1000 + at);
      const kind = below(3);
      if (kind === 0) tensors.set(name, { shape, data: values });
      else if (kind === 1) tensors.set(name, { shape, data: Int32Array.from(values, (x) => x * 1e9) });
      else tensors.set(name, { shape, data: Uint8Array.from(values, (x) => 128 + 30 * x) });
    }
    const metadata = Object.fromEntries(NAMES.slice(0, below(4)).map((name, k) => [name, `${NAMES[k + 2]}`]));
    const file = encodeSafetensors(tensors, metadata);
    const header = new DataView(file.buffer).getBigUint64(0, true);
    expect(header % 8n).toBe(0n);

    const shifted = new Uint8Array(file.length + 3); // any offset in a larger buffer will do
    shifted.set(file, 3);
    const decoded = decodeSafetensors(shifted.subarray(3));
    expect(new Map(decoded.tensors)).toEqual(tensors);
    expect(decoded.metadata).toEqual(metadata);
  });
  it("keeps every bit of a float: −0, the smallest, the largest", () => {
    const data = Float32Array.of(-0, 1e-45, 3.4028234663852886e38, -1.17549435e-38);
    const read = decodeSafetensors(encodeSafetensors({ w: { shape: [4], data } })).tensors.get("w")?.data;
    expect(new Uint8Array((read as Float32Array).buffer)).toEqual(new Uint8Array(data.buffer));
  });
  it("copies: the file may be changed after", () => {
    const file = encodeSafetensors({ w: { shape: [1], data: Uint8Array.of(5) } });
    const { tensors } = decodeSafetensors(file);
    file.fill(0);
    expect(tensors.get("w")?.data).toEqual(Uint8Array.of(5));
  });
});

describe("decodeSafetensors: types", () => {
  const decode = (dtype: string, count: number, data: number[]) => {
    const file = oneTensor({ dtype, shape: [count], data_offsets: [0, data.length] }, data);
    return decodeSafetensors(file, "a.safetensors").tensors.get("w")?.data;
  };
  it("F32", () => expect(decode("F32", 1, [0, 0, 0x20, 0xc0])).toEqual(Float32Array.of(-2.5)));
  it("I32", () => expect(decode("I32", 1, [0xfe, 0xff, 0xff, 0xff])).toEqual(Int32Array.of(-2)));
  it("U8", () => expect(decode("U8", 2, [0, 255])).toEqual(Uint8Array.of(0, 255)));
  it("F16: normal, subnormal, zeros, infinity, NaN", () => {
    // 1, −2, 65504, 2^-24, the largest subnormal, −0, −∞, NaN
    const words = [0x3c00, 0xc000, 0x7bff, 0x0001, 0x03ff, 0x8000, 0xfc00, 0x7e00];
    const data = decode(
      "F16",
      8,
      words.flatMap((word) => [word & 255, word >>> 8]),
    );
    const tiny = 2 ** -24;
    expect(data).toEqual(
      Float32Array.of(1, -2, 65504, tiny, 1023 * tiny, -0, Number.NEGATIVE_INFINITY, Number.NaN),
    );
  });
  it("BF16", () => {
    expect(decode("BF16", 3, [0x80, 0x3f, 0x20, 0xc0, 0xc0, 0x7f])).toEqual(
      Float32Array.of(1, -2.5, Number.NaN),
    );
  });
  it("F64, rounded to f32", () => {
    const bytes = [...new Uint8Array(Float64Array.of(0.1, -1e-300).buffer)];
    expect(decode("F64", 2, bytes)).toEqual(Float32Array.of(Math.fround(0.1), -0));
  });
  it("F64 that f32 cannot hold", () => {
    const bytes = [...new Uint8Array(Float64Array.of(1, 1e300).buffer)];
    expect(() => decode("F64", 2, bytes)).toThrow(
      'a.safetensors: tensor "w": element 1 is 1e+300, which f32 cannot hold',
    );
  });
  it("I64 in the range of 32 bits", () => {
    const bytes = [...new Uint8Array(BigInt64Array.of(-(2n ** 31n), 2n ** 31n - 1n).buffer)];
    expect(decode("I64", 2, bytes)).toEqual(Int32Array.of(-(2 ** 31), 2 ** 31 - 1));
  });
  it.each([2n ** 31n, -(2n ** 31n) - 1n, 2n ** 62n])("I64 beyond 32 bits: %d", (value) => {
    const bytes = [...new Uint8Array(BigInt64Array.of(0n, value).buffer)];
    expect(() => decode("I64", 2, bytes)).toThrow(
      `a.safetensors: tensor "w": element 1 is ${value}, which 32 bits cannot hold`,
    );
  });
});

describe("decodeSafetensors: files of others", () => {
  it("takes a header without padding, and tensors in any order", () => {
    const header =
      '{"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]},"a":{"shape":[2],"data_offsets":[0,2],"dtype":"U8"}}';
    const { tensors, metadata } = decodeSafetensors(fileOf(header, [1, 2, 3]));
    expect([...tensors]).toEqual([
      ["a", { shape: [2], data: Uint8Array.of(1, 2) }],
      ["b", { shape: [1], data: Uint8Array.of(3) }],
    ]);
    expect(metadata).toEqual({});
  });
  it("takes empty tensors, and keys of a tensor's entry as another tensor's name", () => {
    const header =
      '{"dtype":{"dtype":"F32","shape":[0,4],"data_offsets":[0,0]},"shape":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}';
    const { tensors } = decodeSafetensors(fileOf(header, [9]));
    expect(tensors.get("dtype")).toEqual({ shape: [0, 4], data: new Float32Array(0) });
    expect(tensors.get("shape")).toEqual({ shape: [], data: Uint8Array.of(9) });
  });

  const u8 = (begin: number, end: number) => ({
    dtype: "U8",
    shape: [end - begin],
    data_offsets: [begin, end],
  });
  const named = (tensors: unknown, data: number[]) => fileOf(JSON.stringify(tensors), data);
  it.each<[string, Uint8Array, string]>([
    ["nothing", new Uint8Array(0), "a: the file is cut off: 0 bytes"],
    ["half a length", new Uint8Array(7), "a: the file is cut off: 7 bytes"],
    [
      "a header cut off",
      fileOf("{}", [], 3n),
      "a: the file is cut off: the header has 3 bytes, but 2 follow its length",
    ],
    [
      "a huge header",
      fileOf("{}", [], 100_000_001n),
      "a: the header would have 100000001 bytes, beyond the limit of 100 MB",
    ],
    [
      "the largest length",
      fileOf("{}", [], 2n ** 64n - 1n),
      "a: the header would have 18446744073709551615 bytes",
    ],
    ["no header", fileOf(""), "a: the header is no valid JSON: "],
    ["broken JSON", fileOf('{"w":'), "a: the header is no valid JSON: "],
    ["bytes that are no UTF-8", fileOf("{}", [0xff], 3n), "a: the header is no text in UTF-8"],
    ["a list", fileOf("[]"), "a: the header is no JSON object"],
    ["null", fileOf("null"), "a: the header is no JSON object"],
    ["space before the header", fileOf(" {}"), "a: the header is no JSON object; expected {"],
    ["metadata of numbers", fileOf('{"__metadata__":{"a":1}}'), "a: __metadata__ is no object of texts"],
    ["a list as metadata", fileOf('{"__metadata__":["a"]}'), "a: __metadata__ is no object of texts"],
    [
      "a number as an entry",
      oneTensor(1),
      'a: tensor "w": expected {"dtype", "shape", "data_offsets"}, got 1',
    ],
    [
      "no dtype",
      oneTensor({ shape: [1], data_offsets: [0, 1] }, [0]),
      'a: tensor "w": dtype is undefined; expected one of F32',
    ],
    [
      "an unknown dtype",
      oneTensor({ ...u8(0, 1), dtype: "F8_E4M3" }, [0]),
      'a: tensor "w": dtype is "F8_E4M3"; expected one of F32, F16, BF16',
    ],
    [
      "a negative axis",
      oneTensor({ ...u8(0, 1), shape: [-1] }, [0]),
      'a: tensor "w": shape is [-1]; expected a list of non-negative',
    ],
    ["half an axis", oneTensor({ ...u8(0, 1), shape: [0.5] }, [0]), 'a: tensor "w": shape is [0.5]'],
    ["no shape", oneTensor({ dtype: "U8", data_offsets: [0, 1] }, [0]), 'a: tensor "w": shape is undefined'],
    [
      "one offset",
      oneTensor({ ...u8(0, 1), data_offsets: [0] }, [0]),
      'a: tensor "w": data_offsets is [0]; expected [begin, end]',
    ],
    [
      "a negative offset",
      oneTensor({ ...u8(0, 1), data_offsets: [-1, 0] }, [0]),
      'a: tensor "w": data_offsets is [-1,0]',
    ],
    [
      "a size that differs from the shape",
      oneTensor({ dtype: "F32", shape: [2], data_offsets: [0, 4] }, [0, 0, 0, 0]),
      'a: tensor "w": data_offsets [0, 4] hold 4 bytes; F32 of shape [2] takes 8',
    ],
    [
      "end before begin",
      oneTensor({ dtype: "U8", shape: [1], data_offsets: [1, 0] }, [0]),
      "data_offsets [1, 0] hold -1 bytes; U8 of shape [1] takes 1",
    ],
    [
      "a shape beyond all numbers",
      oneTensor({ dtype: "U8", shape: [2 ** 52, 2 ** 52], data_offsets: [0, 1] }, [0]),
      'a: tensor "w": data_offsets [0, 1] hold 1 bytes',
    ],
    [
      "data cut off",
      oneTensor(u8(0, 3), [1, 2]),
      'a: tensor "w": data_offsets [0, 3] end beyond the file\'s 2 bytes of data',
    ],
    [
      "data after the end",
      oneTensor(u8(0, 1), [1, 2]),
      "a: 1 bytes follow the last tensor; expected the file to end there",
    ],
    ["data without tensors", fileOf("{}", [1]), "a: 1 bytes follow the last tensor"],
    [
      "an overlap",
      named({ a: u8(0, 2), b: u8(1, 3) }, [1, 2, 3]),
      'a: tensor "b": data_offsets [1, 3] overlap the tensor before, which ends at 2',
    ],
    [
      "two tensors in one place",
      named({ a: u8(0, 2), b: u8(0, 2) }, [1, 2]),
      'a: tensor "b": data_offsets [0, 2] overlap',
    ],
    [
      "a gap",
      named({ a: u8(0, 1), b: u8(2, 3) }, [1, 2, 3]),
      'a: tensor "b": data_offsets [2, 3] leave a gap after 1',
    ],
    [
      "a gap at the start",
      oneTensor(u8(1, 2), [1, 2]),
      'a: tensor "w": data_offsets [1, 2] leave a gap after 0',
    ],
    [
      "a repeated name",
      fileOf(
        '{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"w" :{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
        [1],
      ),
      'a: the header names "w" twice',
    ],
    [
      "a name repeated in other letters",
      fileOf(
        '{"w":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"\\u0077":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}',
      ),
      'a: the header names "w" twice',
    ],
    [
      "repeated metadata",
      fileOf('{"__metadata__":{"k":"{\\"k\\":","k":"2"}}'),
      'a: the header names "k" twice',
    ],
  ])("refuses %s", (_what, file, message) => {
    expect(() => decodeSafetensors(file, "a")).toThrow(message);
  });
  it("refuses a good file cut at any byte", () => {
    const file = encodeSafetensors({ w: { shape: [2], data: Float32Array.of(1, 2) } }, { a: "b" });
    for (let length = 0; length < file.length; length++) {
      expect(() => decodeSafetensors(file.subarray(0, length), "a")).toThrow(/^a: /);
    }
  });
  it("is not slowed down by a long text", () => {
    const file = encodeSafetensors({}, { text: '\\"'.repeat(1_000_000) });
    const start = performance.now();
    expect(decodeSafetensors(file).metadata.text?.length).toBe(2_000_000);
    expect(performance.now() - start).toBeLessThan(2000);
  });
});

import { describe, expect, it } from "vitest";
import { type IdxArray, idxImages, parseIdx, readIdx } from "../../src/data/idx.ts";
import { idxFile, packed } from "./files.ts";

describe("parseIdx", () => {
  it("reads bytes", () => {
    const { shape, data } = parseIdx(idxFile([2, 3], [1, 2, 3, 4, 5, 255]));
    expect(shape).toEqual([2, 3]);
    expect(data).toEqual(Uint8Array.of(1, 2, 3, 4, 5, 255));
  });
  it("copies, and reads from any offset in a buffer", () => {
    const file = idxFile([2], [8, 9]);
    const larger = new Uint8Array(file.length + 5);
    larger.set(file, 3);
    const { data } = parseIdx(larger.subarray(3, 3 + file.length));
    larger.fill(0);
    expect([...data]).toEqual([8, 9]);
  });
  it.each<[string, number, number[], IdxArray["data"]]>([
    ["signed bytes", 0x09, [0xff, 0x7f], Int8Array.of(-1, 127)],
    ["16-bit integers", 0x0b, [0xff, 0xfe, 0x01, 0x00], Int16Array.of(-2, 256)],
    ["32-bit integers", 0x0c, [0xff, 0xff, 0xff, 0xff, 0, 1, 0, 0], Int32Array.of(-1, 65536)],
    ["32-bit floats", 0x0d, [0x3f, 0xc0, 0, 0, 0xbf, 0x80, 0, 0], Float32Array.of(1.5, -1)],
    ["64-bit floats", 0x0e, [0x3f, 0xf8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], Float64Array.of(1.5, 0)],
  ])("reads big-endian %s", (_what, code, bytes, expected) => {
    expect(parseIdx(idxFile([2], bytes, code)).data).toEqual(expected);
  });

  const good = idxFile([2, 3], [1, 2, 3, 4, 5, 6]);
  it.each<[string, Uint8Array, string]>([
    ["nothing", new Uint8Array(0), "a: the IDX header is cut off: 0 bytes; expected 4 and more"],
    ["half a header", good.slice(0, 9), "a: the IDX header is cut off: 9 bytes; 2 axes take 12"],
    ["elements cut off", good.slice(0, 17), "a: the IDX file is cut off: 17 bytes; shape [2, 3] takes 18"],
    [
      "bytes after the end",
      Uint8Array.from([...good, 0]),
      "a: the IDX file is too long: 19 bytes; shape [2, 3] takes 18",
    ],
    ["a web page", new TextEncoder().encode("<html>"), "a: not an IDX file: the magic number is 0x3c68746d"],
    [
      "an unknown type",
      idxFile([1], [0], 0x0a),
      "a: unknown IDX element type 0x0a; expected one of 0x08, 0x09, 0x0b",
    ],
    ["no axes", idxFile([], [0]), "a: the IDX header has no axes"],
    [
      "a huge axis",
      idxFile([2 ** 32 - 1, 2 ** 32 - 1], []),
      "a: the IDX file is cut off: 12 bytes; shape [4294967295, ",
    ],
    ["a packed file", packed(good), "a: a gzip file where an unpacked IDX file was expected; use readIdx"],
  ])("refuses %s", (_what, bytes, message) => {
    expect(() => parseIdx(bytes, "a")).toThrow(message);
  });
});

describe("readIdx", () => {
  it("unpacks as far as the header says", async () => {
    const file = packed(Uint8Array.from([...idxFile([3], [1, 2, 3]), ...new Uint8Array(4 << 20)]));
    await expect(readIdx(file, "c.gz")).rejects.toThrow(
      "c.gz: the file unpacks to more than the 11 bytes that it must have",
    );
    await expect(readIdx(packed(Uint8Array.of(0, 0, 7, 1)), "d.gz")).rejects.toThrow("d.gz: unknown IDX");
  });
  it("takes packed and unpacked files", async () => {
    const file = idxFile([3], [1, 2, 3]);
    expect(await readIdx(packed(file))).toEqual(await readIdx(file));
  });
  it("names the file", async () => {
    await expect(readIdx(packed(idxFile([3], [1])), "b.gz")).rejects.toThrow("b.gz: the IDX file is cut off");
  });
});

describe("idxImages", () => {
  const images = parseIdx(idxFile([2, 1, 3], [0, 1, 2, 3, 4, 255]));
  const labels = parseIdx(idxFile([2], [4, 0]));
  it("makes a data set of grey images", () => {
    const set = idxImages("fashion", images, labels, 5);
    expect(set).toMatchObject({ name: "fashion", count: 2, classes: 5 });
    expect(set.inputs).toMatchObject({ shape: [1, 1, 3], scale: 1 / 255 });
    expect([...set.targets.data]).toEqual([4, 0]);
  });
  it.each<[string, IdxArray, IdxArray, number, string]>([
    [
      "different counts",
      images,
      parseIdx(idxFile([1], [4])),
      5,
      "fashion: labels and images of different counts: 2 inputs",
    ],
    [
      "swapped arrays",
      labels,
      images,
      5,
      "fashion: images: got Uint8Array of shape [2]; expected a Uint8Array with 3 axes",
    ],
    [
      "labels in rows",
      images,
      images,
      5,
      "fashion: labels: got Uint8Array of shape [2, 1, 3]; expected a Uint8Array with 1 axis",
    ],
    [
      "signed labels",
      images,
      parseIdx(idxFile([2], [4, 0], 9)),
      5,
      "fashion: labels: got Int8Array of shape [2]",
    ],
    ["a label too high", images, labels, 4, "fashion: targets: sample 0 has class 4; expected 0 to 3"],
  ])("refuses %s", (_what, x, y, classes, message) => {
    expect(() => idxImages("fashion", x, y, classes)).toThrow(message);
  });
});

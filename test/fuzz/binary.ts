/** Readers of IDX and gzip, and what their files hold by other code. */
import { gunzipSync, gzipSync } from "node:zlib";
import { gunzip, parseIdx, readIdx } from "wgrad/data";
import { idxFile } from "../data/files.ts";
import { ensure, type Reader, reader, sameNumbers, utf8 } from "./reader.ts";

const bytesOf = (...parts: Uint8Array[]) => Uint8Array.from(Buffer.concat(parts));

/** Values of an IDX file, by the format's description; undefined where it is none. */
function idxValues(bytes: Uint8Array): { shape: number[]; values: number[] } | undefined {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (file.length < 4 || file[0] !== 0 || file[1] !== 0 || file[3] === 0) return undefined;
  const read = {
    8: [1, (at: number) => file.readUInt8(at)] as const,
    9: [1, (at: number) => file.readInt8(at)] as const,
    11: [2, (at: number) => file.readInt16BE(at)] as const,
    12: [4, (at: number) => file.readInt32BE(at)] as const,
    13: [4, (at: number) => file.readFloatBE(at)] as const,
    14: [8, (at: number) => file.readDoubleBE(at)] as const,
  }[file[2]];
  const start = 4 + 4 * file[3];
  if (!read || file.length < start) return undefined;
  const shape = Array.from({ length: file[3] }, (_, axis) => file.readUInt32BE(4 + 4 * axis));
  const count = shape.reduce((product, length) => product * BigInt(length), 1n);
  if (count * BigInt(read[0]) !== BigInt(file.length - start)) return undefined;
  return { shape, values: Array.from({ length: Number(count) }, (_, i) => read[1](start + i * read[0])) };
}

function checkIdx({ shape, data }: ReturnType<typeof parseIdx>, bytes: Uint8Array): void {
  const expected = idxValues(bytes);
  ensure(expected !== undefined, "it is no IDX file");
  ensure(sameNumbers(shape, expected.shape), `shape ${shape} for ${expected.shape}`);
  ensure(sameNumbers(data, expected.values), "other values");
}

const idxFiles = [
  idxFile([3, 2, 2], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255]),
  idxFile([5], [9, 0, 4, 1, 1]),
  idxFile([2, 1], [0xff, 0x01], 0x09),
  idxFile([2], [0x80, 0x00, 0x12, 0x34], 0x0b),
  idxFile([1, 2], [0, 0, 0, 1, 0xff, 0xff, 0xff, 0xfe], 0x0c),
  idxFile([2], [0x3f, 0x80, 0, 0, 0x7f, 0xc0, 0, 0], 0x0d),
  idxFile([1, 1, 1], [0x40, 0x09, 0x21, 0xfb, 0x54, 0x44, 0x2d, 0x18], 0x0e),
  idxFile([0], []),
  idxFile(
    [40, 50],
    Array.from({ length: 2000 }, (_, i) => (i * 7) % 251),
  ),
];

export const idx: Reader = reader({
  name: "IDX",
  samples: idxFiles.map((bytes) => ({ bytes })),
  read: (bytes) => parseIdx(bytes, "file.idx"),
  check: checkIdx,
  words: /^file\.idx: /,
});

/** What a gzip file unpacks to, by Node's zlib, which takes what follows the last member for padding. */
function unpackedBy(bytes: Uint8Array): Buffer | undefined {
  try {
    return gunzipSync(bytes, { maxOutputLength: 2 ** 28 });
  } catch {
    return undefined;
  }
}

/** A member with a field, a name and a comment in its header. */
function annotated(content: Uint8Array): Uint8Array {
  const header = Buffer.from([0x1f, 0x8b, 8, 0b11100, 1, 2, 3, 4, 0, 3, 3, 0, 65, 66, 67]);
  return bytesOf(header, utf8("name.txt\0a comment\0"), gzipSync(content).subarray(10));
}

const pieces = [
  utf8("some text, some text, some text"),
  new Uint8Array(0),
  Uint8Array.from({ length: 3000 }, (_, i) => (i * i) % 256),
];
const gzipFiles = [
  ...pieces.map((piece) => bytesOf(gzipSync(piece))),
  bytesOf(gzipSync(pieces[0], { level: 0 })),
  bytesOf(gzipSync(pieces[0]), gzipSync(pieces[2]), gzipSync(pieces[1])),
  bytesOf(gzipSync(pieces[0]), new Uint8Array(32)),
  bytesOf(gzipSync(new Uint8Array(100_000))),
  annotated(pieces[0]),
];

/** Well above what the files unpack to, and below what a mutation can make of them. */
const MOST_UNPACKED = 2 ** 20;

export const gz: Reader = reader({
  name: "gzip",
  samples: gzipFiles.map((bytes) => ({ bytes })),
  read: (bytes) => gunzip(bytes, "file.gz", { maxBytes: MOST_UNPACKED }),
  check(unpacked, bytes) {
    const expected = unpackedBy(bytes);
    ensure(expected !== undefined, "zlib refuses the file");
    ensure(expected.equals(unpacked), "zlib unpacks the file to other bytes");
  },
  words: /^file\.gz: /,
  unpacked: (read) => read?.length ?? 0,
});

/** IDX files, packed: their header bounds what is unpacked. */
export const packedIdx: Reader = reader({
  name: "packed IDX",
  samples: idxFiles.map((bytes) => ({ bytes: bytesOf(gzipSync(bytes)) })),
  read: (bytes) => readIdx(bytes, "file.idx.gz"),
  check(read, bytes) {
    checkIdx(read, bytes[0] === 0x1f ? (unpackedBy(bytes) ?? new Uint8Array(0)) : bytes);
  },
  words: /^file\.idx\.gz: /,
  unpacked: (read) => read?.data.byteLength ?? 0,
});

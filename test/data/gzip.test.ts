/** gzip, held against zlib: what comes out, what is refused, and in what words. */
import { crc32, gunzipSync, gzipSync } from "node:zlib";
import { describe, expect, it, vi } from "vitest";
import { gunzip } from "../../src/data/gzip.ts";
import { isGzip } from "../../src/data/gzipMember.ts";
import { randomU32, uniforms } from "../../src/random.ts";
import { packed } from "./files.ts";

/** Hard to pack, and more than one piece long. */
const bytes = Uint8Array.from(uniforms(600_000, 1, 0), (u) => u * 256);
const whole = packed(bytes);

const changed = (at: number) => {
  const copy = whole.slice();
  copy[at] = (copy[at] ?? 0) ^ 0xff;
  return copy;
};

describe("gunzip", () => {
  it("unpacks", async () => {
    expect(Buffer.compare(await gunzip(whole), bytes)).toBe(0);
    expect((await gunzip(packed(new Uint8Array(0)))).length).toBe(0);
  });
  it("unpacks a part of a larger buffer", async () => {
    const larger = new Uint8Array(whole.length + 10);
    larger.set(whole, 3);
    const unpacked = await gunzip(larger.subarray(3, 3 + whole.length));
    expect(Buffer.compare(unpacked, bytes)).toBe(0);
  });
  it.each([7, 18, 3000, whole.length - 9, whole.length - 8, whole.length - 1])(
    "says that %d bytes are too few",
    async (length) => {
      await expect(gunzip(whole.slice(0, length), "a.gz")).rejects.toThrow(
        `a.gz: the gzip stream ends early (${length} bytes read)`,
      );
    },
  );
  it.each([
    ["check sum", whole.length - 6],
    ["length", whole.length - 2],
    ["content", 50],
  ])("says that the %s is damaged", async (_what, at) => {
    await expect(gunzip(changed(at), "a.gz")).rejects.toThrow(
      /^a.gz: the gzip stream is damaged \(.+bytes read\)/,
    );
  });
  it("says what follows the end", async () => {
    const longer = Uint8Array.from([...whole, 1, 2, 3]);
    await expect(gunzip(longer, "a.gz")).rejects.toThrow(
      'a.gz: 3 bytes follow the end of the gzip stream, from "01 02 03"; expected the end of the file, zeros, or another',
    );
    const padded = Uint8Array.from([...whole, 0, 0, 0, 4]);
    await expect(gunzip(padded, "a.gz")).rejects.toThrow("a.gz: 4 bytes follow the end of the gzip stream");
  });
  it("reads members one after the other, and zeros behind the last", async () => {
    const words = ["first, ", "", "second"].map((word) => packed(new TextEncoder().encode(word)));
    const joined = Uint8Array.from([...words.flatMap((word) => [...word]), ...new Uint8Array(512)]);
    expect(new TextDecoder().decode(await gunzip(joined))).toBe("first, second");
    // The second member's copies may not reach back into the first.
    const same = packed(bytes.slice(0, 1000));
    expect(await gunzip(Uint8Array.from([...same, ...same]))).toHaveLength(2000);
    await expect(gunzip(Uint8Array.from([...same, ...same.slice(0, 40)]), "a.gz")).rejects.toThrow(
      "the gzip stream ends early",
    );
  });
  it("unpacks what zlib packs, by any level and strategy", async () => {
    const texts = [
      Uint8Array.from(bytes.slice(0, 70_000), (byte) => 97 + (byte % 5)),
      Uint8Array.from({ length: 70_000 }, (_, i) => (i % 1000 < 900 ? 0 : i % 251)),
      bytes.slice(0, 70_000),
      new Uint8Array(300),
    ];
    for (const text of texts) {
      for (const level of [0, 1, 6, 9]) {
        // Huffman only, run lengths, and fixed codes.
        for (const strategy of [0, 2, 3, 4]) {
          const unpacked = await gunzip(Uint8Array.from(gzipSync(text, { level, strategy })));
          expect(Buffer.compare(unpacked, text)).toBe(0);
        }
      }
    }
  });
  it("takes headers with a name, a comment, more fields and a check sum", async () => {
    const plain = packed(Uint8Array.of(1, 2, 3));
    const fields = [2, 0, 9, 9, ...new TextEncoder().encode("name\0comment\0")];
    const header = Uint8Array.from([...plain.slice(0, 3), 2 + 4 + 8 + 16, ...plain.slice(4, 10), ...fields]);
    const sum = crc32(header);
    const long = Uint8Array.from([...header, sum & 0xff, (sum >> 8) & 0xff]);
    const file = Uint8Array.from([...long, ...plain.slice(10)]);
    expect([...(await gunzip(file))]).toEqual([1, 2, 3]);
    expect([...gunzipSync(file)]).toEqual([1, 2, 3]);
    file[header.length - 2] = "T".charCodeAt(0);
    await expect(gunzip(file)).rejects.toThrow("damaged (header crc mismatch");
    for (let length = 10; length < long.length; length++) {
      await expect(gunzip(long.slice(0, length))).rejects.toThrow("ends early");
    }
    const unknown = plain.slice();
    unknown[3] = 0x20;
    await expect(gunzip(unknown)).rejects.toThrow("damaged (unknown header flags set");
  });
  it("takes and refuses what zlib does, wherever a byte is changed", async () => {
    // Letters, so that codes, lengths and copies are all there.
    const text = Uint8Array.from(bytes.slice(0, 3000), (byte) => 97 + (byte % 3) * (byte % 7));
    const good = packed(text);
    let refused = 0;
    for (let i = 0; i < 400; i++) {
      const bad = good.slice();
      const at = 10 + (randomU32(1, 1, i) % (bad.length - 10));
      bad[at] = (bad[at] as number) ^ (1 << (randomU32(1, 2, i) % 8));
      let expected: Buffer | undefined;
      try {
        expected = gunzipSync(bad);
      } catch {
        refused++;
      }
      if (expected) expect(Buffer.compare(await gunzip(bad), expected)).toBe(0);
      else
        await expect(gunzip(bad)).rejects.toThrow(
          /^gzip: (the gzip stream (ends early|is damaged)|\d+ bytes follow)/,
        );
    }
    expect(refused).toBeGreaterThan(300);
  });
  it("gives a page its turn while it unpacks", async () => {
    const zeros = packed(new Uint8Array(8 << 20));
    // What unpacks is loaded by now, which takes turns, too.
    await gunzip(packed(Uint8Array.of(1)));
    let now = performance.now();
    const clock = vi.spyOn(performance, "now").mockImplementation(() => (now += 40));
    let turns = 0;
    const beat = () => {
      turns++;
      page = setImmediate(beat);
    };
    let page = setImmediate(beat);
    try {
      expect(await gunzip(zeros)).toHaveLength(8 << 20);
    } finally {
      clearImmediate(page);
      clock.mockRestore();
    }
    // One for each MiB, but for the last.
    expect(turns).toBeGreaterThanOrEqual(4);
  });
  it("stops at a limit, and takes what reaches it", async () => {
    // A thousand times as much as it is packed in.
    const zeros = packed(new Uint8Array(4 << 20));
    expect(zeros.length).toBeLessThan(8192);
    const limit = (maxBytes: number) => gunzip(zeros, "a.gz", { maxBytes });
    expect(await limit(4 << 20)).toHaveLength(4 << 20);
    await expect(limit((4 << 20) - 1)).rejects.toThrow(
      `a.gz: the file unpacks to more than 4194303 bytes (from ${zeros.length}); give a larger maxBytes if it may`,
    );
    // Whatever its last bytes promise: 4 GiB here, and none.
    for (const byte of [0xff, 0]) {
      const lying = zeros.slice().fill(byte, -4);
      await expect(gunzip(lying, "a.gz", { maxBytes: 1000 })).rejects.toThrow("more than 1000 bytes");
      await expect(gunzip(lying, "a.gz")).rejects.toThrow("damaged (incorrect length check");
    }
    // What ends early within the limit is too short, not too large.
    await expect(gunzip(zeros.slice(0, -3), "a.gz", { maxBytes: 4 << 20 })).rejects.toThrow("ends early");
    await expect(limit(0)).rejects.toThrow("a.gz: maxBytes is 0; give a whole number of bytes from 1");
    await expect(limit(Number.NaN)).rejects.toThrow("maxBytes is NaN");
  });
  it.each([
    [
      "a web page",
      new TextEncoder().encode("<html>"),
      'starts with "3c 68 74 6d" (6 bytes); expected 1f 8b 08',
    ],
    ["nothing", new Uint8Array(0), 'starts with "" (0 bytes)'],
    ["two bytes", Uint8Array.of(0x1f, 0x8b), 'starts with "1f 8b" (2 bytes)'],
    ["another method", changed(2), 'starts with "1f 8b f7'],
  ])("says that %s is no gzip file", async (_what, input, message) => {
    expect(isGzip(input)).toBe(false);
    await expect(gunzip(input, "a.gz")).rejects.toThrow(`a.gz: not a gzip file: it ${message}`);
  });
});

import { describe, expect, it } from "vitest";
import { gunzip, isGzip } from "../../src/data/gzip.ts";
import { uniforms } from "../../src/random.ts";
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
    await expect(gunzip(longer, "a.gz")).rejects.toThrow("a.gz: the gzip stream is damaged");
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

import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { md5 } from "../../src/data/md5.ts";
import { uniforms } from "../../src/random.ts";

describe("md5", () => {
  // RFC 1321, appendix A.5.
  it.each([
    ["", "d41d8cd98f00b204e9800998ecf8427e"],
    ["a", "0cc175b9c0f1b6a831c399e269772661"],
    ["abc", "900150983cd24fb0d6963f7d28e17f72"],
    ["message digest", "f96b697d7cb7938d525a2f31aaf161d0"],
    ["abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"],
    ["ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", "d174ab98d277d9f5a5611c2c9f419d9f"],
    ["1234567890".repeat(8), "57edf4a22be3c955ac49da2e2107b67a"],
  ])("of %j", async (text, sum) => {
    expect(await md5(new TextEncoder().encode(text))).toBe(sum);
  });
  it("agrees with Node's for every length around a block, at any offset in a buffer", async () => {
    const bytes = Uint8Array.from(uniforms(400, 1, 0), (u) => u * 256);
    for (let length = 0; length <= 200; length++) {
      const part = bytes.subarray(length % 7, (length % 7) + length);
      expect(await md5(part)).toBe(createHash("md5").update(part).digest("hex"));
    }
  });
  it("takes about a second for 47 MB at most", async () => {
    const bytes = new Uint8Array(47 << 20);
    const start = performance.now();
    await md5(bytes);
    expect(performance.now() - start).toBeLessThan(3000); // 0.1 s on a quiet core
  });
});

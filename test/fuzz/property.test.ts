/** The property sees what it is there to see: readers that do what none may. */
import "./allocations.ts";
import { describe, expect, it } from "vitest";
import { reader } from "./reader.ts";

const { fuzz, holds } = await import("./property.ts");

/** A reader that takes each file, unless told otherwise. */
const made = (read: (bytes: Uint8Array) => unknown, check: () => void = () => {}) =>
  reader({ name: "made", samples: [{ bytes: Uint8Array.of(1, 2, 3, 4) }], read, check, words: /^file: / });

const file = Uint8Array.of(1, 2, 3);

describe("a reader is found out that", () => {
  it.each<[string, (bytes: Uint8Array) => unknown, string]>([
    ["throws no error", () => Promise.reject("no"), "thrown was no error: no"],
    ["throws an error of another kind", () => JSON.parse("{"), "thrown was another error: SyntaxError"],
    [
      "does not name the file",
      () => {
        throw new Error("wrong");
      },
      "the message does not name the file: Error: wrong",
    ],
    [
      "speaks the engine's words",
      () => {
        try {
          return (Object(1) as { field: { field: number } }).field.field;
        } catch (error) {
          throw new Error(`file: ${(error as Error).message}`);
        }
      },
      "words of the engine: Error: file: Cannot read",
    ],
    [
      "repeats a file in its message",
      () => {
        throw new Error(`file: ${"x".repeat(3000)}`);
      },
      "a message of 3006 letters",
    ],
    ["changes the file", (bytes) => bytes.fill(0), "the reader changed the file"],
    ["asks for much memory", () => new Float32Array(2 ** 18 + 2), "1048584 bytes asked for at once"],
    ["asks for it by slice", () => Uint8Array.from({ length: 2 ** 21 }).slice(), "bytes asked for at once"],
    ["asks for an array", () => new Array(2 ** 20), "8388608 bytes asked for at once"],
    [
      "asks for it and fails",
      () => {
        try {
          new ArrayBuffer(2 ** 52);
        } catch {
          throw new Error("file: too much");
        }
      },
      "4503599627370496 bytes asked for at once",
    ],
    [
      "takes long",
      () => {
        const { user } = process.cpuUsage();
        for (let i = 1; i % 1e6 !== 0 || process.cpuUsage().user - user < 1_050_000; i++);
      },
      "the file took ",
    ],
  ])("%s", async (_what, read, message) => {
    await expect(holds(made(read), file.slice())).rejects.toThrow(message);
  });

  it("changes a prototype", async () => {
    const polluting = made(() => Object.assign(Object.prototype, { polluted: 1 }));
    try {
      await expect(holds(polluting, file)).rejects.toThrow("a prototype was changed");
    } finally {
      delete (Object.prototype as { polluted?: number }).polluted;
    }
  });

  it("reads wrongly", async () => {
    const wrong = made(
      () => 1,
      () => {
        throw new Error("read wrongly");
      },
    );
    await expect(fuzz(wrong, 1, 1)).rejects.toThrow("read wrongly");
  });

  it("refuses a whole file", async () => {
    const strict = made(() => {
      throw new Error("file: no");
    });
    await expect(fuzz(strict, 1, 1)).rejects.toThrow("made: a file that is whole was refused");
  });
});

it("each mutation is the seed's", async () => {
  const seen = [1, 1, 2].map(() => [] as string[]);
  for (const [i, seed] of [1, 1, 2].entries()) {
    await fuzz(
      made((bytes) => void seen[i].push(bytes.join())),
      50,
      seed,
    );
  }
  expect(seen[0]).toEqual(seen[1]);
  expect(seen[0]).not.toEqual(seen[2]);
});

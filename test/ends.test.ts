/** A process ends by itself, whatever ended a run in it, though nobody destroyed an engine: in Node and in Deno, on every engine. */
import { describe, expect, it } from "vitest";
import { deno } from "./helpers/deno.ts";
import { needsBuild, runNode, useTemporaryFolder } from "./helpers/programs.ts";

const SCRIPT = "test/platforms/ends.js";
/** The timers that could hold a process take 60 s each, after all that it does. */
const TIMEOUT = { timeoutMs: 55_000 };

needsBuild();
const folder = useTemporaryFolder();

/** What test/platforms/ends.js finds: what each way to end a run said, and which resources it left open. */
type Found = Record<string, { readonly said: string; readonly held: readonly string[] }>;

const platforms = {
  Node: (args: readonly string[]) => runNode([SCRIPT, ...args], TIMEOUT),
  Deno: (args: readonly string[]) =>
    deno(folder.path, ["--allow-all", "--config=demo/deno/deno.json", SCRIPT, ...args]),
};

const LOST = /^DeviceLostError: the GPU device was lost: /;
const SAID: Readonly<Record<string, RegExp>> = {
  success: /^nothing$/,
  "an error of a callback": /^Error: of a callback$/,
  "an error of onProgress": /^Error: of onProgress$/,
  "an abort": /^Error: enough$/,
  "a broken loop": /^nothing$/,
  "a broken loop with checkpoints": /^nothing$/,
  "a run with checkpoints": /^nothing$/,
  "numbers gone wrong": /^DivergenceError: fit: the loss became NaN in step 1/,
  "a stream half read": /^nothing$/,
  "a stream that fails": /^Error: of the stream$/,
  "an evaluation of a stream that fails": /^Error: of the stream$/,
  "an abort while the stream waits": /^Error: enough$/,
  "a refused evaluation": /^ShapeError: /,
};
const SAID_ON_GPU = {
  ...SAID,
  "a lost device": LOST,
  "a recovery that gives up": LOST,
  "a recovery that is aborted in its pause": /^Error: enough$/,
  "a stalled queue": /^EngineError: this GPU engine was destroyed/,
};

describe.concurrent.each(Object.entries(platforms))("in %s", (_name, run) => {
  it.concurrent.each([
    ["gpu", SAID_ON_GPU],
    ["wasm", SAID],
    ["cpu", SAID],
  ] as const)(
    "on %s, runs that ended in any way hold nothing open, and the process ends",
    async (engine, expected) => {
      const found: Found = JSON.parse((await run([engine])).stdout);
      expect(Object.keys(found)).toEqual(Object.keys(expected));
      for (const [way, { said, held }] of Object.entries(found)) {
        expect(said, way).toMatch(expected[way as keyof typeof expected]);
        expect(held, way).toEqual([]);
      }
    },
    130_000,
  );

  it.concurrent("an error that nobody catches ends it with 1, beside threads that wait", async () => {
    await expect(run(["wasm", "uncaught"])).rejects.toThrow(/ ended with 1\n.*DivergenceError/s);
  }, 130_000);
});

/** A model saved with its scaler, and loaded in another process, predicts the same from raw rows. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { decodeSafetensors } from "../../src/safetensors/index.ts";
import { ENGINES } from "../helpers/engines.ts";
import { needsBuild, runNode, useTemporaryFolder } from "../helpers/programs.ts";

needsBuild();
const folder = useTemporaryFolder();
const timeoutMs = 60_000;

async function predictions(mode: "save" | "load", engine: string, path: string): Promise<Float32Array> {
  const { stdout } = await runNode(["test/train/scaler-travels.mjs", mode, engine, path], { timeoutMs });
  const hex = stdout.match(/^predictions ([0-9a-f]+)$/m)?.[1] ?? "";
  return new Float32Array(Uint8Array.from(Buffer.from(hex, "hex")).buffer);
}

describe.each(ENGINES)("on the engine %s", (engine) => {
  it("the scaler travels in the model's file", { timeout: 2 * timeoutMs }, async () => {
    const path = join(folder.path, `${engine}.safetensors`);
    const first = await predictions("save", engine, path);
    const second = await predictions("load", engine, path);
    expect(first).toHaveLength(20);
    expect(first.every(Number.isFinite)).toBe(true);
    // Not what a model says that was given nothing to go by.
    expect(new Set(first).size).toBeGreaterThan(15);
    expect(second).toEqual(first);
    const { tensors } = decodeSafetensors(await readFile(path));
    expect([...tensors.keys()]).toEqual(expect.arrayContaining(["0.offset", "0.factor", "1.weight"]));
  });
});

/** What is written in Deno, by what it is permitted to do: never lost, and what cannot be is told before training. */
import { mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { decodeSafetensors } from "wgrad/safetensors";
import { deno } from "../helpers/deno.ts";
import { needsBuild, useTemporaryFolder } from "../helpers/programs.ts";

const MINUTES = 60_000;
needsBuild();
const temporary = useTemporaryFolder();
let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(temporary.path, "deno-"));
});

async function trained(how: string, permissions: readonly string[], name = "w.safetensors") {
  const path = join(folder, name);
  const script = ["--config=demo/deno/deno.json", "test/platforms/deno-files.js", how, path];
  const { stdout } = await deno(join(temporary.path, "cache"), [...permissions, ...script]);
  return {
    path,
    ...(JSON.parse(stdout) as { epochs: number; steps: number; error?: string; bytes: number }),
  };
}

describe("weights that are saved at the end", () => {
  it.each([
    ["all that it takes", () => [`--allow-read=${folder}`, `--allow-write=${folder}`]],
    ["no permission to read", () => [`--allow-write=${folder}`]],
    [
      "permission for the very file",
      () => [`--allow-read=${folder}`, `--allow-write=${join(folder, "w.safetensors")}`],
    ],
  ])(
    "are there with %s, and nothing beside them",
    async (_what, permissions) => {
      for (const before of [undefined, "what was there"]) {
        if (before) await writeFile(join(folder, "w.safetensors"), before);
        const { path, error, bytes } = await trained("save", permissions());
        expect(error).toBe(undefined);
        const written = await readFile(path);
        expect(written.length).toBe(bytes);
        expect([...decodeSafetensors(written).tensors.keys()]).toEqual(["weight", "bias"]);
        expect(await readdir(folder)).toEqual(["w.safetensors"]);
      }
    },
    2 * MINUTES,
  );

  it(
    "are refused without permission to write, with what to do",
    async () => {
      const { path, error, epochs } = await trained("save", [`--allow-read=${folder}`]);
      expect(epochs).toBe(2);
      expect(error).toContain(`save: ${path} cannot be written: Requires write access to`);
      expect(error).toContain("--allow-write");
    },
    2 * MINUTES,
  );
});

describe("what is written during training", () => {
  it.each([
    ["checkpoints", "--allow-write", "Requires read access to", "--allow-read"],
    ["checkpoints", "--allow-read", "Requires write access to", "--allow-write"],
    ["check", "--allow-write", "Requires read access to", "--allow-read"],
  ])(
    "%s with %s alone is told before the first step",
    async (how, permission, why, what) => {
      const { path, steps, epochs, error } = await trained(how, [`${permission}=${folder}`]);
      expect({ steps, epochs }).toEqual({ steps: 0, epochs: 0 });
      expect(error).toContain(`save: ${path} cannot be written: ${why}`);
      expect(error).toContain(what);
      expect(await readdir(folder)).toEqual([]);
    },
    2 * MINUTES,
  );

  it(
    "is whole, and through links, with both",
    async () => {
      const { path, error } = await trained("checkpoints", [
        `--allow-read=${folder}`,
        `--allow-write=${folder}`,
      ]);
      expect(error).toBe(undefined);
      expect(decodeSafetensors(await readFile(path)).tensors.has("history")).toBe(true);
      expect(await readdir(folder)).toEqual(["w.safetensors"]);
    },
    2 * MINUTES,
  );
});

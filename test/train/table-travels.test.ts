/** A model that is trained on a table and saved, and loaded in another process, reads rows and names classes alike. */
import { join } from "node:path";
import { expect, it } from "vitest";
import { needsBuild, runNode, useTemporaryFolder } from "../helpers/programs.ts";

needsBuild();
const folder = useTemporaryFolder();
const timeoutMs = 60_000;

async function told(mode: "save" | "load", path: string): Promise<{ classNames: string[]; bits: string }> {
  const { stdout } = await runNode(["test/train/table-travels.mjs", mode, path], { timeoutMs });
  return JSON.parse(stdout);
}

it("columns, categories, fillings, scalers and class names travel in the model's file", {
  timeout: 2 * timeoutMs,
}, async () => {
  const path = join(folder.path, "visits.safetensors");
  const first = await told("save", path);
  expect(first.classNames.slice(0, 2)).toEqual(["early", "late"]);
  expect(first.bits).toHaveLength(3 * 2 * 8);
  expect(await told("load", path)).toEqual(first);
});

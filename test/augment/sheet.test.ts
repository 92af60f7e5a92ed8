/** `npm run augmentations`: the contact sheet. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { runScript } from "../helpers/command.ts";
import { needsBuild, useTemporaryFolder } from "../helpers/programs.ts";

needsBuild();
const folder = useTemporaryFolder();
const sheet = (...args: string[]) => runScript("demo/augmentations.ts", args);

it("draws each image as it is and as each epoch sees it", async () => {
  const path = join(folder.path, "sheet.svg");
  const args = [
    "rotate=30",
    "mixup",
    "--digits",
    "--engine",
    "cpu",
    "--images",
    "3",
    "--epochs",
    "4",
    "--out",
    path,
  ];
  const { exitCode, stderr } = await sheet(...args);
  expect(stderr).toContain(`written: ${path}`);
  expect(exitCode).toBe(0);
  const svg = readFileSync(path, "utf8");
  const pictures = [...svg.matchAll(/href="(data:image\/png;base64,[^"]+)"/g)].map(([, url]) => url);
  expect(pictures.length).toBe(3 * (1 + 4));
  expect(new Set(pictures).size).toBe(pictures.length);
  expect(svg).toContain("rotate(30), mixup(0.2)");
  expect(svg).toContain("epoch 4");
  expect(readdirSync(folder.path)).toEqual(["sheet.svg"]);
}, 60_000);

it.each([
  [["spin=3"], 2, 'there is no augmentation "spin"; use one of'],
  [["scale=2"], 2, '"scale=2": expected scale=from,to'],
  [[], 2, "missing required argument 'augmentation'"],
  [
    ["cutout=40", "--digits", "--engine", "cpu"],
    1,
    "the square is 40 pixels, but the images are 28 × 28; give less",
  ],
  [["rotate=3", "--digits", "--engine", "cpu", "--out", "/nowhere/sheet.svg"], 1, "/nowhere/sheet.svg"],
])(
  "%j: exit code %i",
  async (args, code, message) => {
    const { exitCode, stderr } = await sheet(...args);
    expect(stderr).toContain(message);
    expect(exitCode).toBe(code);
  },
  60_000,
);

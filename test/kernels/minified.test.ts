/** The shaders of the built package are those of the source files, but for white space and the names of local variables. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { minifyWgsl } from "../../scripts/wgsl.mjs";
import { kernels } from "../../src/kernels/index.ts";
import type { Kernel } from "../../src/kernels/kernel.ts";
import { specialiseLaunch } from "../../src/kernels/launch.ts";
import { programRun } from "../helpers/kernel-run.ts";
import { kernelCases } from "./cases/index.ts";

const folder = fileURLToPath(new URL("../../shaders/", import.meta.url));
const files = readdirSync(folder);
const sources = files.map((file) => readFileSync(`${folder}${file}`, "utf8"));
const minified = minifyWgsl(sources);

/** Words, numbers and signs, in the pieces that begin with a function. */
function functionsOf(code: string): string[][] {
  const plain = code.replace(/\/\/.*/g, "").replace(/\/\*.*?\*\//gs, " ");
  const tokens = plain.match(/[a-z_]\w*|(?:0x[\da-f]+|\d+\.?\d*(?:e[+-]?\d+)?)[a-z]*|\S/gi) ?? [];
  const pieces: string[][] = [[]];
  for (const token of tokens) {
    if (token === "fn") pieces.push([]);
    pieces.at(-1)?.push(token);
  }
  return pieces;
}

/** Whether the name at a place is that of a parameter or variable, where it is declared. */
function isDeclared(tokens: readonly string[], at: number): boolean {
  const before = tokens[at - 1] ?? "";
  return (
    ["let", "var", "const"].includes(before) || (["(", ",", ")"].includes(before) && tokens[at + 1] === ":")
  );
}

/** Where a program is not another one with some local variables called otherwise; undefined where it is. */
function difference(code: string, other: string): string | undefined {
  const [mine, theirs] = [functionsOf(code), functionsOf(other)];
  if (mine.length !== theirs.length) return `${mine.length} functions, and ${theirs.length}`;
  for (const [i, tokens] of mine.entries()) {
    const others = theirs[i] as string[];
    const where = tokens.slice(0, 2).join(" ");
    if (tokens.length !== others.length) return `${where}: ${tokens.length} tokens, and ${others.length}`;
    const names = new Map<string, string>();
    for (const [at, token] of tokens.entries()) {
      // Components of vectors are no names.
      const behind = tokens[at - 1] === "." ? "." : "";
      const called = behind + others[at];
      const name = behind + token;
      const before = names.get(name) ?? (name === called || isDeclared(tokens, at) ? called : name);
      if (called !== before) return `${where}: ${name} is called ${called}, not ${before}`;
      names.set(name, called);
    }
    if (new Set(names.values()).size < names.size) return `${where}: two names have become one`;
  }
  return undefined;
}

describe("minified shaders", () => {
  it.each(files)("say the same: %s", (file) => {
    const i = files.indexOf(file);
    expect((minified[i] as string).length).toBeLessThan((sources[i] as string).length);
    expect(difference(sources[i] as string, minified[i] as string)).toBeUndefined();
  });

  const shaders = new Map(Object.entries(kernels).map(([name, { shader }]) => [name, shader]));
  const setShader = (name: string, shader: string) => Object.assign(kernels[name] as Kernel, { shader });
  afterEach(() => {
    for (const [name, shader] of shaders) setShader(name, shader);
  });

  it.each(Object.keys(kernelCases))("are specialised to the same program: %s", (name) => {
    const shader = shaders.get(name) as string;
    const others = minified[sources.indexOf(shader)] as string;
    for (const { run } of kernelCases[name] ?? []) {
      const { program } = programRun(run);
      const [dispatch] = program.dispatches as [(typeof program.dispatches)[number]];
      const together = kernels[name]?.workgroup ? [[dispatch], [dispatch, dispatch]] : [[dispatch]];
      for (const dispatches of together) {
        const vectors = Object.values(kernels[name]?.vectors ?? {}).map(({ constant }) => [constant, 1]);
        for (const more of [{}, Object.fromEntries(vectors)]) {
          const chosen = dispatches.map((one) => ({ ...one, constants: { ...one.constants, ...more } }));
          setShader(name, shader);
          const expected = specialiseLaunch(program, chosen);
          setShader(name, others);
          const got = specialiseLaunch(program, chosen);
          expect(difference(expected.code, got.code)).toBeUndefined();
          expect({ ...got, code: "" }).toEqual({ ...expected, code: "" });
        }
      }
    }
  });
});

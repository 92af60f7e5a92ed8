/** The names of all entries, in the declarations that the compiler writes. `npm test` builds them first. */
import { readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { type PublicName, publicNames } from "./helpers/declarations.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const exported: Record<string, { types: string }> = JSON.parse(
  readFileSync(join(root, "package.json"), "utf8"),
).exports;
const names = publicNames(
  Object.fromEntries(
    Object.entries(exported).map(([entry, { types }]) => [`wgrad${entry.slice(1)}`, join(root, types)]),
  ),
);

describe("the package's declarations", () => {
  it("are all read", () => {
    expect(new Set(names.map(({ entry }) => entry)).size).toBe(Object.keys(exported).length);
    const relu = names.filter(({ name }) => name === "relu" || name === "ops.relu");
    expect(relu.map(({ entry, meanings }) => [entry, ...meanings])).toEqual([
      ["wgrad", "value"],
      ["wgrad", "value"],
    ]);
    expect(names.find(({ name }) => name === "DenseOptions")?.names).toHaveLength(1);
  });

  it("name no type that no entry exports", () => {
    const known = new Set(names.map(({ declaration }) => declaration));
    const missing = names.flatMap(({ entry, name, names: types }) =>
      types
        .filter((type) => !known.has(type))
        .map((type) => `${entry}: ${name} names ${relative(root, type)}`),
    );
    expect(missing).toEqual([]);
  });

  it.each(["type", "value"] as const)("have no two things of one name: %s", (meaning) => {
    const things = new Map<string, PublicName[]>();
    for (const one of names.filter(({ meanings }) => meanings.includes(meaning)))
      things.set(one.name, [...(things.get(one.name) ?? []), one]);
    const twice = [...things].filter(
      ([, same]) => new Set(same.map(({ declaration }) => declaration)).size > 1,
    );
    expect(twice.map(([name, same]) => `${name}: ${same.map(({ entry }) => entry).join(", ")}`)).toEqual([]);
  });
});

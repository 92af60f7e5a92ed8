/**
 * The set-up derives Debian's backports from the machine's own sources, in both of apt's formats, and installs what is
 * missing with the package manager at hand.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { backportsOf, findCompilers, installPlan, parseOneLine, parseStanzas } from "../scripts/packages.mjs";
import { useTemporaryFolder } from "./helpers/programs.ts";

describe("apt sources", () => {
  it("are read in the deb822 format", () => {
    const text = [
      "Types: deb deb-src",
      "# an address that was here before",
      "URIs: file:/srv/debian",
      "Suites: bookworm bookworm-updates",
      "Components: main",
      "Signed-By:",
      " -----BEGIN KEY-----",
      " .",
      "",
      "Types: deb",
      "URIs: file:/srv/security",
      "",
    ].join("\n");
    const [first, second, ...others] = parseStanzas(text);
    expect(others).toEqual([]);
    expect(second.get("URIs")).toBe("file:/srv/security");
    expect(backportsOf(first, "bookworm").split("\n").slice(1)).toEqual([
      "Types: deb",
      "URIs: file:/srv/debian",
      "Suites: bookworm-backports",
      "Components: main",
      "Signed-By: ",
      " -----BEGIN KEY-----",
      " .",
      "",
    ]);
  });

  it("are read in the one-line format", () => {
    const text = [
      "# deb file:/srv/old bookworm main",
      "deb [arch=amd64,arm64 signed-by=/srv/key.gpg] file:/srv/debian bookworm main contrib # ours",
      "deb-src file:/srv/debian bookworm main",
    ].join("\n");
    const [source, ...others] = parseOneLine(text);
    expect(others).toEqual([]);
    expect(backportsOf(source, "bookworm").split("\n").slice(1)).toEqual([
      "Types: deb",
      "URIs: file:/srv/debian",
      "Suites: bookworm-backports",
      "Components: main contrib",
      "Architectures: amd64 arm64",
      "Signed-By: /srv/key.gpg",
      "",
    ]);
  });
});

describe("a plan of packages", () => {
  const folder = useTemporaryFolder();
  afterEach(() => vi.unstubAllEnvs());

  const nothing = { adapter: false, chromium: false, assembler: false, radv: false };
  /** The plan of a machine with that package manager, in words. */
  async function plan(manager: string, missing: Partial<typeof nothing>): Promise<string[]> {
    await writeFile(join(folder.path, manager), "");
    vi.stubEnv("PATH", folder.path);
    const items = installPlan({ ...nothing, ...missing }) ?? [];
    return items.flatMap((item) => ("command" in item ? [item.command.join(" ")] : []));
  }

  it("names each package once", async () => {
    expect(await plan("pacman", { assembler: true, radv: true })).toEqual([
      "pacman -S --needed --noconfirm vulkan-radeon vulkan-icd-loader spirv-tools",
    ]);
    expect(await plan("dnf", { adapter: true, chromium: true, radv: true })).toEqual([
      "dnf install -y -q mesa-vulkan-drivers vulkan-loader chromium",
    ]);
    const [update, ...installs] = await plan("apt-get", { assembler: true });
    expect(update).toMatch(/ update$/);
    expect(installs).toEqual([expect.stringMatching(/ install -y --no-install-recommends spirv-tools$/)]);
    const mesa = (await plan("apt-get", { radv: true })).at(-1);
    expect(mesa).toMatch(/ libvulkan1 mesa-vulkan-drivers$/);
  });

  it("is for what is not on the PATH", async () => {
    vi.stubEnv("PATH", folder.path);
    expect(findCompilers().assembler).toBeUndefined();
    await writeFile(join(folder.path, "spirv-as"), "");
    expect(findCompilers().assembler).toBe(join(folder.path, "spirv-as"));
  });
});

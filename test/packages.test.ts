/** The set-up derives Debian's backports from the machine's own sources, in both of apt's formats. */
import { describe, expect, it } from "vitest";
import { backportsOf, parseOneLine, parseStanzas } from "../scripts/packages.mjs";

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

/** Files as users of a system expect them to be written: whole, through links, with their mode, and on the disk. */
import { execFileSync } from "node:child_process";
import * as sync from "node:fs";
import * as fs from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { appendText, checkWritable, writeFileWhole } from "../../src/io/files.ts";
import { fileSystem } from "../../src/io/read.ts";
import { useTemporaryFolder } from "../helpers/programs.ts";

const temporary = useTemporaryFolder();
const POSIX = process.platform !== "win32";
const ROOT = process.getuid?.() === 0;
let folder = "";
let at: (...names: string[]) => string;
beforeEach(async () => {
  folder = await fs.mkdtemp(join(temporary.path, "files-"));
  at = (...names) => join(folder, ...names);
});
afterEach(() => vi.restoreAllMocks());

const bytes = (...values: number[]) => Uint8Array.from(values);
const text = (path: string) => fs.readFile(path, "utf8");
const names = async () => (await fs.readdir(folder)).sort();

/** What opened files do, to be watched, or made to fail. */
async function handles() {
  const file = await fs.open(at("probe"), "w");
  await file.close();
  await fs.rm(at("probe"));
  return Object.getPrototypeOf(file) as fs.FileHandle;
}
const failure = (code: string) => Object.assign(new Error(`${code}: mocked`), { code });

describe("writeFileWhole", () => {
  it("writes bytes and text, new and over what was there", async () => {
    await writeFileWhole(at("a"), bytes(1, 2, 3));
    expect([...(await fs.readFile(at("a")))]).toEqual([1, 2, 3]);
    await writeFileWhole(at("a"), "häh");
    expect(await text(at("a"))).toBe("häh");
    expect(await names()).toEqual(["a"]);
  });

  it("lets many write one path at once: none fails, one file is whole", async () => {
    const writers = Array.from({ length: 40 }, (_, i) => new Uint8Array(100_000).fill(i));
    await Promise.all(writers.map((content) => writeFileWhole(at("a"), content)));
    const written = await fs.readFile(at("a"));
    expect(written.length).toBe(100_000);
    expect(new Set(written).size).toBe(1);
    expect(await names()).toEqual(["a"]);
  });

  it.runIf(POSIX)("follows links: what they lead to is replaced, they stay", async () => {
    await fs.mkdir(at("there"));
    await fs.writeFile(at("there", "real"), "old");
    await fs.symlink(join("there", "real"), at("middle"));
    await fs.symlink(at("middle"), at("link"));
    await writeFileWhole(at("link"), "new");
    expect(await text(at("there", "real"))).toBe("new");
    expect(await fs.readlink(at("link"))).toBe(at("middle"));
    expect(await fs.readlink(at("middle"))).toBe(join("there", "real"));
    expect(await fs.readdir(at("there"))).toEqual(["real"]);
  });

  it.runIf(POSIX)("makes the file that a link leads to", async () => {
    await fs.symlink("yet to be", at("link"));
    await writeFileWhole(at("link"), "here");
    expect(await text(at("yet to be"))).toBe("here");
    expect((await fs.lstat(at("link"))).isSymbolicLink()).toBe(true);
  });

  it.runIf(POSIX)("refuses links that lead round in a circle", async () => {
    await fs.symlink("b", at("a"));
    await fs.symlink("a", at("b"));
    await expect(writeFileWhole(at("a"), "x")).rejects.toThrow(
      `save: ${at("a")} cannot be written: its links lead round in a circle (ELOOP)`,
    );
  });

  it.runIf(POSIX)("keeps a file's mode; a new one has what the process gives", async () => {
    await fs.writeFile(at("usual"), "");
    for (const mode of [0o600, 0o640, 0o777, 0o4755]) {
      await fs.writeFile(at("a"), "secret");
      await fs.chmod(at("a"), mode);
      await writeFileWhole(at("a"), "new");
      expect((await fs.stat(at("a"))).mode & 0o7777).toBe(mode);
    }
    await writeFileWhole(at("new"), "x");
    expect((await fs.stat(at("new"))).mode).toBe((await fs.stat(at("usual"))).mode);
  });

  it.runIf(POSIX)("never shows what is private to others while it is written", async () => {
    await fs.writeFile(at("a"), "secret");
    await fs.chmod(at("a"), 0o600);
    const modes: number[] = [];
    const handle = await handles();
    const { sync: original } = handle;
    vi.spyOn(handle, "sync").mockImplementation(async function (this: fs.FileHandle) {
      const info = await this.stat();
      if (info.isFile()) modes.push(info.mode & 0o777);
      return original.call(this);
    });
    await writeFileWhole(at("a"), "new secret");
    expect(modes).toEqual([0o600]);
  });

  it.runIf(POSIX && ROOT)("keeps a file's owner where it may", async () => {
    await fs.writeFile(at("a"), "old");
    await fs.chown(at("a"), 1234, 2345);
    await writeFileWhole(at("a"), "new");
    expect(await fs.stat(at("a"))).toMatchObject({ uid: 1234, gid: 2345 });
  });

  it.runIf(POSIX)("writes to a device, and does not take its place", async () => {
    await fs.symlink("/dev/null", at("null"));
    for (const path of ["/dev/null", at("null")]) {
      await writeFileWhole(path, bytes(1));
      expect((await fs.stat(path)).isCharacterDevice()).toBe(true);
    }
    expect((await fs.lstat(at("null"))).isSymbolicLink()).toBe(true);
  });

  it.runIf(POSIX)("writes to a pipe with a name", async () => {
    execFileSync("mkfifo", [at("pipe")]);
    const [read] = await Promise.all([text(at("pipe")), writeFileWhole(at("pipe"), "through")]);
    expect(read).toBe("through");
    expect((await fs.stat(at("pipe"))).isFIFO()).toBe(true);
  });

  it.runIf(process.platform === "linux")("adds to what this process has open, as to its output", async () => {
    const file = sync.openSync(at("log"), "w");
    sync.writeSync(file, "before\n");
    const { ino } = sync.fstatSync(file);
    await writeFileWhole(`/proc/self/fd/${file}`, "middle\n");
    await writeFileWhole(`/dev/fd/${file}`, "after\n");
    sync.closeSync(file);
    expect(await text(at("log"))).toBe("before\nmiddle\nafter\n");
    expect((await fs.stat(at("log"))).ino).toBe(ino);
  });

  it.runIf(process.platform === "linux")("says that a disk is full", async () => {
    await expect(writeFileWhole("/dev/full", "x")).rejects.toThrow(
      "save: /dev/full cannot be written: the disk is full (ENOSPC)",
    );
  });

  it("waits until the disk has the file, and then its name", async () => {
    const handle = await handles();
    const synced = vi.spyOn(handle, "sync");
    await writeFileWhole(at("a"), "x");
    expect(synced.mock.calls.length).toBe(POSIX ? 2 : 1);
    // A file system that cannot is none of the user's business.
    synced.mockRejectedValueOnce(failure("EINVAL"));
    await writeFileWhole(at("a"), "y");
    expect(await text(at("a"))).toBe("y");
  });

  it.each([
    ["writeFile", "ENOSPC", "the disk is full (ENOSPC)"],
    ["writeFile", "EDQUOT", "the quota of the disk is used up (EDQUOT)"],
    ["sync", "EIO", "EIO: mocked"],
    ["sync", "ENOSPC", "the disk is full (ENOSPC)"],
  ] as const)(
    "leaves what was there, and nothing beside it, where %s fails with %s",
    async (part, code, words) => {
      await fs.writeFile(at("a"), "old");
      vi.spyOn(await handles(), part).mockRejectedValueOnce(failure(code));
      await expect(writeFileWhole(at("a"), "new")).rejects.toThrow(
        `save: ${at("a")} cannot be written: ${words}`,
      );
      expect(await text(at("a"))).toBe("old");
      expect(await names()).toEqual(["a"]);
    },
  );

  it("takes the longest names", async () => {
    for (const name of ["x".repeat(255), "重".repeat(85)]) {
      await writeFileWhole(at(name), "x");
      expect(await text(at(name))).toBe("x");
    }
    await expect(writeFileWhole(at("x".repeat(256)), "x")).rejects.toThrow(
      "the name is too long (ENAMETOOLONG)",
    );
  });

  it("removes what a process left that was ended long ago, and nothing else", async () => {
    const id = "01234567-89ab-cdef-0123-456789abcdef";
    const old = new Date(Date.now() - 2 * 3_600_000);
    for (const name of [`a.${id}.part`, `b.${id}.part`, "a.part", `a.${id}`]) {
      await fs.writeFile(at(name), "left");
      await fs.utimes(at(name), old, old);
    }
    const busy = `a.${id.replace("0", "f")}.part`;
    await fs.writeFile(at(busy), "another is writing");
    await writeFileWhole(at("a"), "x");
    expect(await names()).toEqual(["a", `a.${id}`, busy, "a.part", `b.${id}.part`].sort());
  });
});

/** Paths at which no file can be written, and why. */
const REFUSED: [string, () => string | Promise<string>, string][] = [
  ["no folder", () => at("missing", "a"), "its folder does not exist (ENOENT)"],
  ["a folder", () => folder, "it is a folder (EISDIR)"],
  [
    "a name with a slash",
    () => `${at("a")}/`,
    "the path names no file; give a name such as weights.safetensors",
  ],
  ["no name", () => "", "the path names no file"],
  ["no text", () => undefined as unknown as string, "the path names no file"],
  [
    "a file as a folder",
    async () => {
      await fs.writeFile(at("file"), "");
      return at("file", "a");
    },
    "a part of the path is no folder (ENOTDIR)",
  ],
  ...(ROOT
    ? []
    : ([
        [
          "a file that may not be written",
          async () => {
            await fs.writeFile(at("a"), "kept");
            await fs.chmod(at("a"), 0o400);
            return at("a");
          },
          "permission denied (EACCES)",
        ],
        [
          "a folder that may not be written",
          async () => {
            await fs.mkdir(at("locked"), { mode: 0o500 });
            return at("locked", "a");
          },
          "permission denied (EACCES)",
        ],
      ] as typeof REFUSED)),
];

describe.each(REFUSED)("refuses %s", (_what, make, words) => {
  it("where it is written, where it is asked, and where text is added", async () => {
    const path = await make();
    const before = await names();
    for (const write of [writeFileWhole, checkWritable])
      await expect(write(path, "x")).rejects.toThrow(`save: ${path} cannot be written: ${words}`);
    expect(await names()).toEqual(before);
  });
});

describe("checkWritable", () => {
  it("leaves nothing behind, and what there is as it is", async () => {
    await checkWritable(at("new"));
    expect(await names()).toEqual([]);
    await fs.writeFile(at("a"), "old");
    await checkWritable(at("a"));
    expect(await text(at("a"))).toBe("old");
    expect(await names()).toEqual(["a"]);
  });

  it.runIf(POSIX)("lets devices and pipes pass, without waiting for one who reads", async () => {
    execFileSync("mkfifo", [at("pipe")]);
    await checkWritable(at("pipe"));
    await checkWritable("/dev/null");
  });
});

describe("appendText", () => {
  it("makes a file, and adds to it", async () => {
    await appendText(at("a"), "one\n");
    await appendText(at("a"), "two\n");
    expect(await text(at("a"))).toBe("one\ntwo\n");
  });

  it("leaves no part of a line where the disk is full", async () => {
    await fs.writeFile(at("a"), "one\n");
    const handle = await handles();
    const { writeFile } = handle;
    vi.spyOn(handle, "writeFile").mockImplementationOnce(async function (this: fs.FileHandle, content) {
      await writeFile.call(this, String(content).slice(0, 3));
      throw failure("ENOSPC");
    });
    await expect(appendText(at("a"), "two\n")).rejects.toThrow(
      `save: ${at("a")} cannot be written: the disk is full (ENOSPC)`,
    );
    expect(await text(at("a"))).toBe("one\n");
  });

  it.runIf(POSIX)("adds to devices", async () => {
    await appendText("/dev/null", "x");
    expect((await fs.stat("/dev/null")).isCharacterDevice()).toBe(true);
  });

  it("names a folder that is not there", async () => {
    await expect(appendText(at("missing", "a"), "x")).rejects.toThrow("its folder does not exist (ENOENT)");
  });
});

describe("without a file system", () => {
  it.each([
    [
      "save",
      "save: a browser has no files to write to; offer the bytes of toSafetensors() or checkpoint() as a download",
    ],
    ["load", "load: a browser has no files to read by their path; pass the bytes instead"],
  ])("%s says what to do", async (what, message) => {
    const { process } = globalThis;
    let asked: Promise<unknown>;
    try {
      Object.assign(globalThis, { process: undefined });
      asked = fileSystem(what);
    } finally {
      Object.assign(globalThis, { process });
    }
    await expect(asked).rejects.toThrow(new Error(message));
  });
});

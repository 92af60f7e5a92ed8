/** `bench pack`: the archive, what runs out of it, and what its start script gives to the program. */
import { execFile } from "node:child_process";
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { pack } from "../../bench/pack.ts";
import { needsBuild, ROOT, useTemporaryFolder } from "../helpers/programs.ts";

const run = promisify(execFile);

needsBuild();
const folder = useTemporaryFolder();

const onLinux = () => {
  let unpacked = "";

  beforeAll(async () => {
    const { file, bytes } = await pack(folder.path, false);
    expect(bytes).toBe((await stat(file)).size);
    expect(bytes).toBeLessThan(60e6);
    await run("tar", ["-xzf", file, "-C", folder.path]);
    unpacked = file.replace(/\.tar\.gz$/, "");
  });

  /** Runs it as a bare machine would, from a folder of its own. */
  const bench = async (...args: string[]) => {
    const home = await mkdtemp(join(folder.path, "home-"));
    return run(join(unpacked, "bench"), args, { cwd: home, env: { PATH: "/usr/bin:/bin", HOME: home } });
  };

  it("holds what a bare machine lacks, and no more", async () => {
    const files = (await readdir(unpacked, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name).slice(unpacked.length + 1));
    expect(files).toEqual(
      expect.arrayContaining([
        "LICENSE",
        "README.md",
        "bench",
        "libraries/libstdc++.so.6/libstdc++.so.6",
        "libraries/libvulkan.so.1/libvulkan.so.1",
        "node",
        "node_modules/webgpu/dist/linux-x64/dawn.node",
        "node_modules/webgpu/index.js",
        "program/main.js",
        "program/pytorch.py",
      ]),
    );
    expect(files.filter((file) => /\.tsx?$|darwin|win32|libc\.so|libm\.so/.test(file))).toEqual([]);
    const loader = await readFile(join(unpacked, "libraries/libvulkan.so.1/libvulkan.so.1"));
    expect(loader.subarray(0, 4).toString("latin1")).toBe("\x7fELF");
  });

  it("measures, and writes the files", async () => {
    const { stdout } = await bench(
      ..."step --model 6 --batch 4 --steps 3 --repetitions 2 --out here --json".split(" "),
    );
    const result = JSON.parse(stdout);
    expect(result).toMatchObject({ benchmark: "step", layers: [784, 6, 10] });
    expect(result.lossDifference).toBeLessThanOrEqual(1e-4);
    expect(result.machine.wgrad).toBe(JSON.parse(await readFile(join(ROOT, "package.json"), "utf8")).version);
    expect(result.machine.webgpu).toMatch(/^\d/);
    expect(result.command).toBe(
      `${join(unpacked, "bench")} step --model 6 --batch 4 --steps 3 --repetitions 2 --out here --json`,
    );
  });

  it("tells its options by its own name, and does not pack itself", async () => {
    const { stdout } = await bench("--help");
    expect(stdout).toContain(`Usage: ${join(unpacked, "bench")} <benchmark> [options]`);
    for (const name of ["step", "scale", "epoch", "torch"])
      expect(stdout).toMatch(new RegExp(`^  ${name} `, "m"));
    expect(stdout).not.toMatch(/^ {2}pack /m);
    await expect(bench("torch", "--python", "/nowhere")).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining("no Python with PyTorch here"),
    });
  });
};

const elsewhere = () => {
  it("is made on x86-64 Linux alone", async () => {
    await expect(pack(folder.path, false)).rejects.toThrow(
      /pack: this is .*, but the archive is for linux-x64/,
    );
  });
};

describe("the archive", process.platform === "linux" && process.arch === "x64" ? onLinux : elsewhere);

describe.runIf(process.platform === "linux")("the start script", () => {
  /** The script in a folder of its own, with a program in Node's place that prints what it was given. */
  async function started(env: Record<string, string>, ...args: string[]) {
    const here = await mkdtemp(join(folder.path, "start script-"));
    await cp(join(ROOT, "bench/pack/bench"), join(here, "bench"));
    await writeFile(join(here, "node"), '#!/bin/sh\nenv\nprintf "arg<%s>\\n" "$@"\n');
    await chmod(join(here, "node"), 0o755);
    for (const library of ["libc.so.6", "libnone.so.7"]) {
      await mkdir(join(here, "libraries", library), { recursive: true });
      await writeFile(join(here, "libraries", library, library), "");
    }
    const { stdout } = await run(join(here, "bench"), args, {
      env: { PATH: "/usr/bin:/bin", HOME: here, ...env },
    });
    const variables = Object.fromEntries(
      [...stdout.matchAll(/^(\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]),
    );
    return { here, variables, args: [...stdout.matchAll(/^arg<(.*)>$/gm)].map(([, arg]) => arg) };
  }

  it("passes arguments on as they are", async () => {
    const { here, args } = await started({}, "step", "--out", "a b", "$HOME", "");
    expect(args).toEqual([join(here, "program/main.js"), "step", "--out", "a b", "$HOME", ""]);
  });

  it("adds the libraries that the system lacks behind its own", async () => {
    const { here, variables } = await started({});
    expect(variables.LD_LIBRARY_PATH).toBe(join(here, "libraries/libnone.so.7"));
    const own = await mkdtemp(join(folder.path, "own-"));
    const behind = await started({ LD_LIBRARY_PATH: own });
    expect(behind.variables.LD_LIBRARY_PATH).toBe(`${own}:${join(behind.here, "libraries/libnone.so.7")}`);
    await writeFile(join(own, "libnone.so.7"), "");
    expect((await started({ LD_LIBRARY_PATH: own })).variables.LD_LIBRARY_PATH).toBe(own);
  });

  it("describes NVIDIA's driver to the loader where nothing else does", async () => {
    const driver = await mkdtemp(join(folder.path, "driver-"));
    await writeFile(join(driver, "libGLX_nvidia.so.0"), "");
    const { here, variables } = await started({ LD_LIBRARY_PATH: driver });
    expect(variables.VK_DRIVER_FILES).toBe(join(here, "nvidia_icd.json"));
    expect(variables.VK_ICD_FILENAMES).toBe(variables.VK_DRIVER_FILES);
    expect((await started({})).variables).not.toHaveProperty("VK_DRIVER_FILES");
    const chosen = await started({ LD_LIBRARY_PATH: driver, VK_DRIVER_FILES: "/mine.json" });
    expect(chosen.variables.VK_DRIVER_FILES).toBe("/mine.json");
  });
});

/** `bench pack`: the archive, what runs out of it, and what its start script gives to the program. */
import { execFile, spawn } from "node:child_process";
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { pack } from "../../bench/pack.ts";
import { needsBuild, ROOT, useTemporaryFolder } from "../helpers/programs.ts";

const run = promisify(execFile);

const MINUTE = 60_000;

needsBuild();
const folder = useTemporaryFolder();

const onLinux = () => {
  let unpacked = "";

  beforeAll(async () => {
    const { file, bytes } = await pack(folder.path, { peers: false });
    expect(bytes).toBe((await stat(file)).size);
    expect(bytes).toBeLessThan(60e6);
    await run("tar", ["-xzf", file, "-C", folder.path]);
    unpacked = file.replace(/\.tar\.gz$/, "");
  });

  /** Runs it as a bare machine would, from a folder of its own. */
  const bench = async (...args: string[]) => {
    const home = await mkdtemp(join(folder.path, "home-"));
    return run(join(unpacked, "bench"), args, { cwd: home, env: environment(home) });
  };
  const environment = (home: string) => ({ PATH: "/usr/bin:/bin", HOME: home });

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
        "program/twins.js",
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

  it("holds kernels against their twins", { timeout: 4 * MINUTE }, async () => {
    const { stdout } = await bench("verify", "--only", "softmax", "--json");
    const { total, done, failures, kernels, skipped } = JSON.parse(stdout);
    expect(total).toBeGreaterThan(10);
    expect(kernels.softmax.agree).toBeGreaterThan(10);
    const left = Object.values<number>(skipped).reduce((sum, count) => sum + count, 0);
    expect({ done, failures, tried: kernels.softmax.agree + left }).toEqual({
      done: total,
      failures: [],
      tried: total,
    });
    await expect(bench("verify", "--only", "none")).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining("there is no kernel none; there are elementwise"),
    });
  });

  it("measures parts of everything, each in a process of its own", { timeout: 6 * MINUTE }, async () => {
    const out = join(folder.path, "all");
    const { stdout } = await bench(
      "gpu",
      "--minutes",
      "5",
      "--parts",
      "peers,profile",
      "--out",
      out,
      "--json",
    );
    expect((await readdir(out)).sort()).toEqual(["peers.json", "profile.json", "summary.json", "summary.md"]);
    const read = async (name: string) => JSON.parse(await readFile(join(out, name), "utf8"));
    const summary = await read("summary.json");
    expect(JSON.parse(stdout)).toEqual(summary);
    expect(summary.device.report.limits.maxBufferSize).toBeGreaterThan(0);
    expect(summary.adapter).toBe(summary.device.report.adapter);
    // This archive has no peers, which is no failure.
    expect(summary.parts.map(({ name, status }: Record<string, string>) => [name, status])).toEqual([
      ["peers", "not here"],
      ["profile", "done"],
    ]);
    const { traceEvents, runs } = await read("profile.json");
    const launches = runs.map(
      ({ report }: Record<string, { profile: { milliseconds: unknown[] } }>) =>
        report.profile.milliseconds.length,
    );
    const events = (pid: number) =>
      traceEvents.filter((event: Record<string, unknown>) => event.ph === "X" && event.pid === pid);
    expect([1, 2, 3].map((pid) => events(pid).length)).toEqual(launches);
    expect(await readFile(join(out, "summary.md"), "utf8")).toContain(`# wgrad on ${summary.adapter}`);
  });

  it("keeps what it has where it is told to end", { timeout: 4 * MINUTE }, async () => {
    const home = await mkdtemp(join(folder.path, "home-"));
    const args = ["gpu", "--minutes", "20", "--parts", "verify,profile"];
    const child = spawn(join(unpacked, "bench"), args, {
      cwd: home,
      env: environment(home),
      stdio: "ignore",
    });
    const ended = new Promise((resolve) => child.on("close", resolve));
    const file = (name: string) =>
      readFile(join(home, "out", name), "utf8").then(JSON.parse, () => undefined);
    await expect
      .poll(async () => (await file("verify.json"))?.runs[0].report?.done ?? 0, {
        timeout: 3 * MINUTE,
        interval: 500,
      })
      .toBeGreaterThan(2);
    child.kill("SIGTERM");
    expect(await ended).toBe(1);
    const [verify, profile] = (await file("summary.json")).parts;
    expect(verify).toMatchObject({ status: "cut off", runs: [{ words: "stopped by SIGTERM" }] });
    expect(profile).toMatchObject({ status: "not begun" });
    expect((await file("verify.json")).runs[0].report.kernels.elementwise.agree).toBeGreaterThan(0);
  });

  it("has MNIST where it is given, and says what is missing", async () => {
    const mnist = await mkdtemp(join(folder.path, "mnist-"));
    await writeFile(join(mnist, "train-images-idx3-ubyte.gz"), "");
    await expect(pack(folder.path, { peers: false, mnist })).rejects.toThrow(
      /pack: --mnist: there is no train-labels-idx1-ubyte in .*mnist-.*, gzipped or not/,
    );
  });

  it("tells its options by its own name, and does not pack itself", async () => {
    const { stdout } = await bench("--help");
    expect(stdout).toContain(`Usage: ${join(unpacked, "bench")} <benchmark> [options]`);
    for (const name of ["step", "scale", "epoch", "torch"])
      expect(stdout).toMatch(new RegExp(`^  ${name} `, "m"));
    expect(stdout).not.toMatch(/^ {2}pack /m);
    await expect(bench("torch", "--python", "/nowhere")).rejects.toMatchObject({
      code: 3,
      stderr: expect.stringContaining("no Python with PyTorch here"),
    });
  });
};

const elsewhere = () => {
  it("is made on x86-64 Linux alone", async () => {
    await expect(pack(folder.path, { peers: false })).rejects.toThrow(
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

  it("names MNIST's folder where it lies in the archive or beside it, unless told", async () => {
    const { here, variables } = await started({});
    expect(variables).not.toHaveProperty("MNIST_DIR");
    const script = async (env: Record<string, string>) => {
      const { stdout } = await run(join(here, "bench"), [], {
        env: { PATH: "/usr/bin:/bin", HOME: here, ...env },
      });
      return /^MNIST_DIR=(.*)$/m.exec(stdout)?.[1];
    };
    await mkdir(join(here, "mnist"));
    expect(await script({})).toBe(join(here, "mnist"));
    expect(await script({ MNIST_DIR: "/mine" })).toBe("/mine");
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

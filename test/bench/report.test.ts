/** Reports: a table, JSON that says where it comes from, and files of both and of charts. */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { benchmark, outputOptions } from "../../bench/options.ts";
import { commandLine, publish, type Report } from "../../bench/report.ts";
import type { ChartSpec } from "../../charts/spec.ts";
import { useTemporaryFolder } from "../helpers/programs.ts";

const folder = useTemporaryFolder();

const chart = (name?: string): ChartSpec => ({
  kind: "bars",
  name,
  title: "Fruit",
  categories: ["apples", "pears"],
  value: { name: "weight", unit: "kg" },
  series: [{ name: "here", values: [1, { median: 2, lowest: 1.5, highest: 4 }] }],
});

const report = (name: string, charts?: Report["chart"]): Report => ({
  name,
  lines: ["Fruit", "apples  1"],
  object: { benchmark: "fruit", adapter: "Some GPU 3000", weights: [1, 2] },
  chart: charts,
});

const printed = { stdout: "", stderr: "" };

/** Publishes with what is printed kept. */
async function published(report: Report, flags: { out: string; json?: boolean }): Promise<string[]> {
  for (const stream of ["stdout", "stderr"] as const) {
    printed[stream] = "";
    vi.spyOn(process[stream], "write").mockImplementation((text) => {
      printed[stream] += text;
      return true;
    });
  }
  return publish(report, flags).finally(() => vi.restoreAllMocks());
}

afterEach(() => vi.restoreAllMocks());

describe("a report", () => {
  it("is a table on stdout, and files with the machine, the adapter, the versions and the command", async () => {
    const out = join(folder.path, "made", "for it");
    const paths = await published(report("fruit-1", chart()), { out });
    expect(paths).toEqual([join(out, "fruit-1.json"), join(out, "fruit-1.svg")]);
    expect((await readdir(out)).sort()).toEqual(["fruit-1.json", "fruit-1.svg"]);
    expect(printed.stdout).toMatch(/^Fruit\napples {2}1\n/);
    expect(printed.stdout).toContain(`Node ${process.version}`);
    expect(printed.stdout).not.toContain("software");
    const object = JSON.parse(await readFile(paths[0], "utf8"));
    expect(object).toEqual({
      benchmark: "fruit",
      adapter: "Some GPU 3000",
      weights: [1, 2],
      softwareAdapter: false,
      machine: {
        cpu: expect.stringMatching(/\S/),
        cores: expect.any(Number),
        platform: `${process.platform} ${process.arch}`,
        node: process.version,
        webgpu: expect.stringMatching(/^\d+\.\d+/),
        wgrad: expect.stringMatching(/^\d+\.\d+/),
      },
      command: commandLine(process.argv.slice(2)),
    });
    const svg = await readFile(paths[1], "utf8");
    for (const text of ["Fruit", "Some GPU 3000", object.machine.cpu, process.version])
      expect(svg).toContain(text);
  });

  it("with --json is the object on stdout, and the table on stderr", async () => {
    const out = join(folder.path, "json");
    const [path] = await published(report("fruit-2"), { out, json: true });
    expect(JSON.parse(printed.stdout)).toEqual(JSON.parse(await readFile(path, "utf8")));
    expect(printed.stderr).toMatch(/^Fruit\napples {2}1\n/);
    expect(await readdir(out)).toEqual(["fruit-2.json"]);
  });

  it("tells of software that stands in for a GPU, everywhere", async () => {
    const out = join(folder.path, "software");
    const base = report("fruit-3", [chart("weight"), chart("size")]);
    const object = { ...base.object, adapter: "llvmpipe (LLVM 15)" };
    const [json, ...charts] = await published({ ...base, object }, { out });
    expect(charts).toEqual([join(out, "fruit-3-weight.svg"), join(out, "fruit-3-size.svg")]);
    expect(JSON.parse(await readFile(json, "utf8")).softwareAdapter).toBe(true);
    expect(printed.stdout).toContain("its times say nothing about a GPU");
    for (const path of charts)
      expect(await readFile(path, "utf8")).toContain("llvmpipe (LLVM 15) (software on the CPU)");
  });
});

describe("the command", () => {
  it("can be typed again", () => {
    expect(commandLine(["step", "--batch", "16", "--out", "/tmp/a-b_c"], "./bench")).toBe(
      "./bench step --batch 16 --out /tmp/a-b_c",
    );
    expect(commandLine(["--out", "my results", "it's", "$HOME", ""], "b")).toBe(
      `b --out 'my results' 'it'\\''s' '$HOME' ''`,
    );
  });
});

describe("--out", () => {
  it("is refused before anything is measured where it is a file", async () => {
    const path = join(folder.path, "file");
    await writeFile(path, "");
    const measured = vi.fn();
    const command = benchmark("any", "").action(measured);
    for (const option of outputOptions()) command.addOption(option);
    const parse =
      (...args: string[]) =>
      () =>
        command.parse(args, { from: "user" });
    expect(parse("--out", path)).toThrow(/--out <folder>.*Expected a folder/);
    expect(parse("--out", "")).toThrow(/Expected a folder/);
    expect(measured).not.toHaveBeenCalled();
    parse("--out", join(folder.path, "not there yet"))();
    expect(measured).toHaveBeenCalledOnce();
  });
});

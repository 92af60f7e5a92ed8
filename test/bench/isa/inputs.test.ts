/** What is compiled: shaders out of Dawn's log, folders of launches; and what is told where something is missing. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { families } from "../../../bench/isa/families.ts";
import { type Launch, readFolder, stepChoice, writeFolder } from "../../../bench/isa/launches.ts";
import { radvManifest } from "../../../bench/isa/packages.ts";
import { describe as describeSpirv, spirvOf } from "../../../bench/isa/spirv.ts";
import { useTemporaryFolder } from "../../helpers/programs.ts";

const folder = useTemporaryFolder();

describe("Dawn's log", () => {
  it("has a shader's WGSL and then its SPIR-V", () => {
    const log = [
      "info: ",
      "// Dumped WGSL:",
      "fn a() {}",
      "",
      "info: ",
      "/* Dumped SPIRV disassembly */",
      "; SPIR-V",
      "OpNop",
      "info: ",
      "// Dumped WGSL:",
      "fn b() {}",
      "info: ",
      "/* Dumped SPIRV disassembly */",
      "OpReturn",
      "info: ",
      "// Dumped WGSL:",
      "fn refused() {}",
      "",
    ].join("\n");
    const found = spirvOf(log);
    expect([...found.keys()]).toEqual(["fn a() {}", "fn b() {}"]);
    expect(found.get("fn a() {}")).toContain("OpNop");
    expect(found.get("fn b() {}")).toContain("OpReturn");
    expect(found.get("fn b() {}")).not.toContain("OpNop");
  });
});

describe("SPIR-V", () => {
  const text = `
               OpEntryPoint GLCompute %main "main" %id %10 %20 %3
               OpExecutionMode %main LocalSize 16 4 1
               OpDecorate %10 DescriptorSet 0
               OpDecorate %10 Binding 3
               OpDecorate %20 Binding 21
               OpDecorate %20 DescriptorSet 1
         %10 = OpVariable %_ptr_Uniform Uniform
         %20 = OpVariable %_ptr_StorageBuffer StorageBuffer
         %30 = OpVariable %_ptr_Workgroup Workgroup`;

  it("states the entry point, the workgroup and the memory to bind", () => {
    expect(describeSpirv(text, "shader")).toEqual({
      entryPoint: "main",
      workgroup: [16, 4, 1],
      constantBytes: 0,
      memory: [
        { set: 0, binding: 3, uniform: true },
        { set: 1, binding: 21, uniform: false },
      ],
    });
    const immediates = `${text}\n %40 = OpVariable %_ptr_PushConstant PushConstant`;
    expect(describeSpirv(immediates, "shader").constantBytes).toBe(128);
  });

  it("is refused where it states none, by its name", () => {
    expect(() => describeSpirv("OpNop", "03-forward")).toThrow(
      "03-forward: the SPIR-V states no entry point",
    );
  });
});

describe("a folder of launches", () => {
  const launch: Launch = {
    name: "00-double",
    title: "elementwise (0.dense)",
    entryPoint: "double",
    code: "@compute @workgroup_size(64) fn double() {}\n",
    workgroups: [3, 1, 1],
    flops: 192,
    bytes: 1536,
    products: false,
    useful: 0.5,
  };

  it("is read as it was written", async () => {
    const target = join(folder.path, "written");
    await writeFolder(target, { name: "step", title: "a step", launches: [launch] });
    expect(await readFolder(target)).toEqual({
      name: "written",
      title: `Launches in ${target}`,
      launches: [launch],
    });
  });

  it("is refused without shaders, without what belongs to one, or with another's", async () => {
    await expect(readFolder(folder.path)).rejects.toThrow(`${folder.path} has no .wgsl files`);
    const target = join(folder.path, "broken");
    await writeFolder(target, { name: "step", title: "a step", launches: [launch] });
    const description = join(target, "00-double.json");
    for (const wrong of [{ workgroups: [1, 1] }, { flops: "many" }, { flops: null }, { entryPoint: 3 }]) {
      await writeFile(description, JSON.stringify({ ...launch, ...wrong }));
      await expect(readFolder(target)).rejects.toThrow(`${description}: expected entryPoint`);
    }
    await writeFile(description, "{");
    await expect(readFolder(target)).rejects.toThrow(`${description}: `);
    await writeFile(join(target, "01-other.wgsl"), launch.code);
    await expect(readFolder(target)).rejects.toThrow("01-other.json is missing");
  });
});

describe("what can be asked for", () => {
  it("are steps with the batches that go with them", () => {
    const batches = ["mlp", "conv", "30", "96-200-48", "transformer"].map((name) => stepChoice(name).batch);
    expect(batches).toEqual([128, 250, 10, 128, 16]);
    expect(() => stepChoice("perceptron")).toThrow("Expected");
  });

  it("are families by the driver's names, each once", () => {
    expect(families("navi21, vega10,navi21")).toEqual(["navi21", "vega10"]);
    expect(() => families("navi21,toString")).toThrow(
      "Expected names out of navi31, navi21, vega10, gfx1201",
    );
  });
});

describe("a machine that lacks the compilers", () => {
  const found = { assembler: "/usr/bin/spirv-as", radv: "/usr/share/vulkan/icd.d/radeon_icd.json" };

  it("is told what is missing, and what installs it", () => {
    expect(radvManifest(found, "linux")).toBe(found.radv);
    const without = (missing: object) => () => radvManifest({ ...found, ...missing }, "linux");
    expect(without({ radv: undefined })).toThrow(
      "isa compiles with RADV (Mesa's driver for AMD's GPUs); install with: node scripts/setup.mjs --for isa",
    );
    expect(without({ assembler: undefined })).toThrow("isa compiles with spirv-as (of SPIRV-Tools); install");
    expect(without({ radv: undefined, assembler: undefined })).toThrow(
      "spirv-as (of SPIRV-Tools) and RADV (Mesa's",
    );
  });

  it.each(["darwin", "win32"])("is told what can be done on %s", (platform) => {
    expect(() => radvManifest(found, platform)).toThrow(`which exists on Linux; this is ${platform}. --wgsl`);
  });
});

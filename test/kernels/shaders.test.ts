/** Shaders hold to the kernels' declarations, are valid as they stand, and their scalar functions have true twins. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type FunctionInfo, WgslParser, WgslReflect } from "wgsl_reflect/wgsl_reflect.module.js";
import { elementwiseConstants } from "../../src/kernels/elementwise.ts";
import { kernels } from "../../src/kernels/index.ts";
import { type Kernel, kernelBinding } from "../../src/kernels/kernel.ts";
import { workgroupOf } from "../../src/kernels/launch.ts";
import { scalarFunctions } from "../../src/kernels/scalar.ts";
import { allShaderTexts } from "../../src/kernels/shaders.ts";
import { specialise, specialiseLaunch } from "../../src/kernels/specialise.ts";
import { print } from "../../src/kernels/wgsl/print.ts";
import { attribute, functionNamed, readModule } from "../../src/kernels/wgsl/read.ts";
import type { Instruction } from "../../src/program.ts";
import { difference } from "../helpers/compare.ts";
import { useEngines } from "../helpers/engines.ts";
import { programRun, runKernel, storeTo } from "../helpers/kernel-run.ts";
import { kernelCases } from "./cases/index.ts";
import { argumentsOf, TOLERANCE } from "./scalar-domains.ts";

const folder = new URL("../../shaders/", import.meta.url);
const files = readdirSync(folder).filter((file) => file.endsWith(".wgsl"));
const source = (file: string) => readFileSync(new URL(file, folder), "utf8");

/** Functions for hooks and kernels, no kernels. */
const LIBRARIES = ["random.wgsl", "scalar.wgsl", "subgroupLanes.wgsl"];
/** Functions of scalar.wgsl that no hook calls: those that kernels and others of its functions are made of. */
const HELPERS = [
  ...[
    "isNaN",
    "keepNaN",
    "zeroOf",
    "exceeds",
    "lowest",
    "scaled",
    "expm1Near0",
    "withoutLog2",
    "expOfSum",
    "gaussian",
  ],
  ...["binaryParts", "logOfParts", "asLogarithm", "upperProduct", "sineOf"],
];

const all = Object.values(kernels);
/** Modules by the names of their files: kernels' shaders, and the libraries. */
const modules = [...new Set([...all.map(({ shader }) => shader), ...LIBRARIES.map(source)])].map(
  (code) => [files.filter((file) => code.includes(source(file))).join(" and "), code] as const,
);
const engines = useEngines();

/** The parser takes `block` for an attribute of old, which WGSL no longer knows. */
const readable = (code: string) => code.replace(/\bblock\b/g, "block_");
const reflect = ({ shader }: Kernel) => new WgslReflect(readable(shader));

/** Constants of a module with plain numbers as values: those that specialising may replace. */
function constantsOf(code: string): Map<string, { type: string; value: number }> {
  const plain = [...code.matchAll(/^const (\w+)[^=]*=\s*-?\d[\w.+-]*;/gm)].map((match) => match[1]);
  const parsed = new WgslParser().parse(readable(code)).filter(({ astNodeType }) => astNodeType === "const");
  return new Map(
    // biome-ignore lint/suspicious/noExplicitAny: the parser's nodes are not typed any closer.
    parsed.flatMap(({ name, type, value }: any) =>
      plain.includes(name) ? [[name, { type: type.name, value: value.value.data[0] }]] : [],
    ),
  );
}

/** `fn name(index: u32) -> f32` as `u32 -> f32`. */
function signature(fn: FunctionInfo | undefined): string | undefined {
  return (
    fn && `${fn.arguments.map(({ type }) => type.name).join(", ")} -> ${fn.returnType?.name ?? "nothing"}`
  );
}

describe.each(all.map((kernel) => [kernel.name, kernel] as const))("%s", (_name, kernel) => {
  it("has its entry point", () => {
    expect(reflect(kernel).entry.compute.map(({ name }) => name)).toContain(kernel.entryPoint);
  });

  it("binds what it declares, and leaves the memory of hooks to specialising", () => {
    const { storage, uniforms, overrides, entry } = reflect(kernel);
    const ofShader = all.filter(({ shader }) => shader === kernel.shader);
    const declared = ofShader.flatMap(({ bindings }) => Object.entries(bindings));
    const inShader = storage.map(({ name, group, binding, access }) => ({ name, group, binding, access }));
    const byName = (a: { name: string }, b: { name: string }) => a.name.localeCompare(b.name);
    expect(inShader.sort(byName)).toEqual(
      [...new Map(declared)].map(([name, binding]) => ({ name, group: 1, ...binding })).sort(byName),
    );
    const used = entry.compute.find(({ name }) => name === kernel.entryPoint)?.resources ?? [];
    expect(
      used
        .filter(({ group }) => group === 1)
        .map(({ name }) => name)
        .sort(),
    ).toEqual(Object.keys(kernel.bindings).sort());
    for (const { name, group, binding } of uniforms) {
      expect({ name, group, binding }).toEqual({ name: "step", group: 0, binding: 0 });
    }
    expect(overrides).toEqual([]);
  });

  it("is specialised with the memory of its hooks, numbers and access as the dispatch binds them", () => {
    for (const { run } of kernelCases[kernel.name]) {
      const { program } = programRun(run);
      const [dispatch] = program.dispatches;
      const { code, entryPoint, bindings } = specialiseLaunch(program, [dispatch]);
      if (entryPoint === "launch") continue;
      const { storage } = new WgslReflect(readable(code));
      const bound = Object.keys(dispatch.bindings).map((name) => ({ name, ...kernelBinding(kernel, name) }));
      for (const { name, group, binding, access } of storage) {
        expect({ group, list: bound }).toEqual({
          group: 1,
          list: expect.arrayContaining([{ name, binding, access }]),
        });
      }
      expect(bindings.map(({ binding }) => binding)).toEqual(
        bound.map(({ binding }) => binding).sort((a, b) => a - b),
      );
    }
  });

  it("has the workgroup that it declares", () => {
    const module = readModule(kernel.shader);
    const size = attribute(functionNamed(module, kernel.entryPoint)?.attributes ?? [], "workgroup_size");
    const terms = (size ?? []).join("").split(",");
    for (const { run } of kernelCases[kernel.name]) {
      const value = (term: string): number => {
        if (term in run.constants) return run.constants[term];
        const declared = module.find((one) => one.kind === "const" && one.name === term);
        if (declared?.kind !== "const") return Number.parseInt(term, 10);
        return declared.value
          .filter((token) => token !== "*")
          .map(value)
          .reduce((a, b) => a * b);
      };
      const [x, y = 1, z = 1] = terms.map(value);
      expect([x, y, z]).toEqual([...workgroupOf(programRun(run).program.dispatches[0]), 1]);
    }
  });

  it("has its hook functions", () => {
    const { functions } = reflect(kernel);
    for (const [name, kind] of Object.entries(kernel.hooks)) {
      const found = signature(functions.find((fn) => fn.name === name));
      const value = kernel.inVectors ? "vec4" : "f32";
      // Parts of the index come behind it.
      const parts = Object.keys(kernel.parts?.(kernelCases[kernel.name][0].run.constants)[name] ?? {});
      const position = ["u32", ...parts.map(() => "u32")].join(", ");
      expect(`${name}: ${found}`).toBe(
        `${name}: ${kind === "load" ? `u32 -> ${value}` : `${position}, ${value} -> nothing`}`,
      );
    }
  });

  it("declares the shader's constants", () => {
    const inShader = constantsOf(kernel.shader);
    const forHost = readBy(kernel.grid);
    for (const [name, type] of Object.entries(kernel.constants)) {
      // A constant without a line in the shader must at least decide the grid.
      if (inShader.has(name)) expect(`${name}: ${inShader.get(name)?.type}`).toBe(`${name}: ${type}`);
      else expect(forHost).toContain(name);
    }
    const shared = all.filter(({ shader }) => shader === kernel.shader);
    const declared = new Set(shared.flatMap(({ constants }) => Object.keys(constants)));
    expect([...inShader.keys()].filter((name) => !declared.has(name))).toEqual([]);
  });

  it("gives every constant its value when specialised", () => {
    const inShader = constantsOf(kernel.shader);
    const values = Object.fromEntries(Object.keys(kernel.constants).map((name, i) => [name, i + 2]));
    const dispatch = { label: "", kernel: kernel.name, constants: values, hooks: {}, bindings: {} };
    const module = specialise(kernel, dispatch, () => ({ dtype: "f32", offset: 0 }), []);
    const specialised = constantsOf(print(module));
    for (const [name, { type, value }] of inShader) {
      const expected = name in values ? values[name] : value;
      // What only other entry points of the file use is left out.
      if (specialised.has(name))
        expect({ name, ...specialised.get(name) }).toEqual({ name, type, value: expected });
    }
  });
});

/** The constants that a function of constants reads. */
function readBy(fn: Kernel["grid"]): string[] {
  const read: string[] = [];
  fn(
    new Proxy({} as Record<string, number>, {
      get: (_target, name) => {
        read.push(String(name));
        return 1;
      },
    }),
  );
  return read;
}

describe("the shaders", () => {
  it("are all some kernel's, or a library of functions", () => {
    const isPart = (file: string) => all.some(({ shader }) => shader.includes(source(file)));
    expect(files.filter((file) => !isPart(file))).toEqual(LIBRARIES);
    const texts = allShaderTexts();
    expect(files.filter((file) => !texts.some((text) => text.includes(source(file))))).toEqual([]);
  });

  it.each(modules)("%s: valid WGSL as they stand", async (label, code) => {
    const { device } = engines.gpu;
    const module = device.createShaderModule({ label, code });
    const { messages } = await module.getCompilationInfo();
    expect(messages.filter(({ type }) => type === "error").map(({ message }) => message)).toEqual([]);
    for (const { name } of new WgslReflect(readable(code)).entry.compute) {
      await device.createComputePipelineAsync({ layout: "auto", compute: { module, entryPoint: name } });
    }
  });
});

describe("scalar functions that kernels call", () => {
  const library = new Map(new WgslReflect(source("scalar.wgsl")).functions.map((fn) => [fn.name, fn]));

  it.each(files.filter((file) => !LIBRARIES.includes(file)))("%s takes as they are", (file) => {
    const { functions } = new WgslReflect(readable(source(file)));
    const taken = functions.filter(({ name }) => library.has(name));
    expect(taken.map(signature)).toEqual(taken.map(({ name }) => signature(library.get(name))));
    // WGSL's own have no such promise: its exponential is far off, its maximum drops NaN.
    const code = readModule(source(file))
      .flatMap((one) => (one.kind === "fn" && !library.has(one.name) ? one.body : []))
      .join("");
    expect(code.match(/\b(exp|log|sin|cos|tanh|pow|exp2|log2|max|clamp|sign)\(/g)).toBe(null);
  });
});

describe("scalar functions", () => {
  const names = Object.keys(scalarFunctions) as (keyof typeof scalarFunctions)[];

  it("have the same names and arities in WGSL and in TypeScript", () => {
    const { functions } = new WgslReflect(source("scalar.wgsl"));
    const inShader = Object.fromEntries(
      functions.filter(({ name }) => !HELPERS.includes(name)).map((fn) => [fn.name, signature(fn)]),
    );
    const inTable = Object.fromEntries(
      names.map((name) => [name, `${new Array(scalarFunctions[name].length).fill("f32").join(", ")} -> f32`]),
    );
    expect(inShader).toEqual(inTable);
  });

  it.each(names)("%s has the same values in WGSL and in TypeScript", async (name) => {
    const fn: (...values: number[]) => number = scalarFunctions[name];
    const tuples = argumentsOf(name, fn.length);
    const loads = Array.from(
      { length: fn.length },
      (_, i): Instruction => ({ op: "load", binding: `operand${i}`, at: 0 }),
    );
    const code: Instruction[] = [
      { op: "index" },
      ...loads,
      { op: "call", fn: name, args: loads.map((_, i) => i + 1) },
    ];
    const { result0 } = await runKernel(engines.gpu, {
      kernel: "elementwise",
      constants: elementwiseConstants(tuples.length),
      hooks: { element: { code, result: code.length - 1 }, store: storeTo("result0") },
      reads: Object.fromEntries(
        loads.map((_, i) => [`operand${i}`, Float32Array.from(tuples, (tuple) => tuple[i])]),
      ),
      results: { result0: { length: tuples.length } },
    });
    const want = Float32Array.from(tuples, (tuple) => fn(...tuple));
    const wrong = difference(name, result0.subarray(0, tuples.length), want, TOLERANCE);
    const at = Number(/\[(\d+)\]/.exec(wrong ?? "")?.[1]);
    expect(wrong && `${name}(${tuples[at]}): ${wrong}`).toBe(undefined);
    expect(want.every(Number.isFinite)).toBe(true);
  });
});

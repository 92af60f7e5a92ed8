/** Shaders hold to the kernels' declarations, are valid as they stand, and their scalar functions have true twins. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type FunctionInfo, WgslParser, WgslReflect } from "wgsl_reflect/wgsl_reflect.module.js";
import { elementwiseConstants } from "../../src/kernels/elementwise.ts";
import { kernels } from "../../src/kernels/index.ts";
import { HOOK_LIMITS, hookBinding, type Kernel, kernelBinding } from "../../src/kernels/kernel.ts";
import { scalarFunctions } from "../../src/kernels/scalar.ts";
import { specialise } from "../../src/kernels/specialise.ts";
import type { Instruction } from "../../src/program.ts";
import { difference } from "../helpers/compare.ts";
import { useEngines } from "../helpers/engines.ts";
import { runKernel, storeTo } from "../helpers/kernel-run.ts";
import { argumentsOf, TOLERANCE } from "./scalar-domains.ts";

const folder = new URL("../../shaders/", import.meta.url);
const files = readdirSync(folder).filter((file) => file.endsWith(".wgsl"));
const source = (file: string) => readFileSync(new URL(file, folder), "utf8");

/** Functions for hooks, no kernels. */
const LIBRARIES = ["random.wgsl", "scalar.wgsl"];
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

  it("binds what it declares", () => {
    const declared = [...Object.keys(kernel.bindings), ...hookMemory(kernel)];
    const storage = reflect(kernel).storage.map(({ name, group, binding, access }) => ({
      name,
      group,
      binding,
      access,
    }));
    for (const name of declared) {
      expect(storage).toContainEqual({ name, group: 1, ...kernelBinding(kernel, name) });
    }
    const entry = reflect(kernel).entry.compute.find(({ name }) => name === kernel.entryPoint);
    const used = entry?.resources.filter(({ name, group }) => group === 1 && !hookBinding(name)) ?? [];
    expect(used.map(({ name }) => name).sort()).toEqual(Object.keys(kernel.bindings).sort());
  });

  it("has one number for each binding, and the step table in a group of its own", () => {
    const { storage, uniforms, overrides } = reflect(kernel);
    expect(new Set(storage.map(({ binding }) => binding)).size).toBe(storage.length);
    for (const { name, group, binding } of uniforms) {
      expect({ name, group, binding }).toEqual({ name: "step", group: 0, binding: 0 });
    }
    expect(overrides).toEqual([]);
  });

  it("has its hook functions", () => {
    const { functions } = reflect(kernel);
    for (const [name, kind] of Object.entries(kernel.hooks)) {
      const found = signature(functions.find((fn) => fn.name === name));
      expect(`${name}: ${found}`).toBe(`${name}: ${kind === "load" ? "u32 -> f32" : "u32, f32 -> nothing"}`);
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
    const specialised = constantsOf(
      specialise(kernel, dispatch, () => ({ dtype: "f32", offset: 0 }), []).code,
    );
    for (const [name, { type, value }] of inShader) {
      const expected = name in values ? values[name] : value;
      expect({ name, ...specialised.get(name) }).toEqual({ name, type, value: expected });
    }
  });
});

/** What hooks of the kernel may bind; every shader with hooks declares all of it. */
function hookMemory(kernel: Kernel): string[] {
  if (Object.keys(kernel.hooks).length === 0) return [];
  const numbered = (name: string, count: number) => Array.from({ length: count }, (_, i) => `${name}${i}`);
  return [...numbered("operand", HOOK_LIMITS.operands), ...numbered("result", HOOK_LIMITS.results)];
}

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
    const known = new Set(all.map(({ shader }) => shader));
    expect(files.filter((file) => !known.has(source(file)))).toEqual(LIBRARIES);
  });

  it.each(files)("%s is valid WGSL as it stands", async (file) => {
    const { device } = engines.gpu;
    const module = device.createShaderModule({ label: file, code: source(file) });
    const { messages } = await module.getCompilationInfo();
    expect(messages.filter(({ type }) => type === "error").map(({ message }) => message)).toEqual([]);
    for (const { name } of new WgslReflect(readable(source(file))).entry.compute) {
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
    const code = functions
      .filter(({ name }) => !library.has(name))
      .map(({ startLine, endLine }) => source(file).split("\n").slice(startLine, endLine).join("\n"))
      .join("\n");
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

/** Each pass over a shader, by what goes in and what comes out. */
import { describe, expect, it } from "vitest";
import type { VectorAccess } from "../../../src/kernels/kernel.ts";
import { fitVectors, vectorBindings } from "../../../src/kernels/vectors.ts";
import { withBodies } from "../../../src/kernels/wgsl/passes/bodies.ts";
import { withConstants } from "../../../src/kernels/wgsl/passes/constants.ts";
import { withVectorHooks } from "../../../src/kernels/wgsl/passes/fours.ts";
import { type HookScope, withHooks } from "../../../src/kernels/wgsl/passes/hooks.ts";
import { joined } from "../../../src/kernels/wgsl/passes/join.ts";
import { withLibrary } from "../../../src/kernels/wgsl/passes/library.ts";
import { withHookMemory, withStepTable } from "../../../src/kernels/wgsl/passes/memory.ts";
import { withNeighbours } from "../../../src/kernels/wgsl/passes/neighbours.ts";
import {
  Numbers,
  numbersRead,
  numberWords,
  withNumberMemory,
  withNumbers,
} from "../../../src/kernels/wgsl/passes/numbers.ts";
import { reachable } from "../../../src/kernels/wgsl/passes/reachable.ts";
import {
  withBroadcasts,
  withoutSubgroups,
  withSubgroupLanes,
} from "../../../src/kernels/wgsl/passes/subgroups.ts";
import { unrolled } from "../../../src/kernels/wgsl/passes/unroll.ts";
import { withByteVectors, withVectors } from "../../../src/kernels/wgsl/passes/vectors.ts";
import { print } from "../../../src/kernels/wgsl/print.ts";
import { type Module, readModule } from "../../../src/kernels/wgsl/read.ts";
import type { Hook, IndexTerm, Instruction } from "../../../src/program.ts";

/** The text behind a pass, without the indentation that a test has. */
function changed(source: string, pass: (module: Module) => Module): string {
  return print(pass(readModule(source)));
}
const text = (source: string) => print(readModule(source));

describe("constants", () => {
  it("get values; others, and the host's own, change nothing", () => {
    const source = "const M = 1u; const N = M + 1u; fn f() { const M = 3u; }";
    expect(changed(source, (module) => withConstants(module, { M: "65u", BATCH: "2u" }))).toBe(
      text("const M = 65u; const N = M + 1u; fn f() { const M = 3u; }"),
    );
  });
});

describe("bodies", () => {
  it("take the place of those that were there", () => {
    const source = "fn f(x: f32) -> f32 { return x; } fn g() {}";
    expect(changed(source, (module) => withBodies(module, { f: "return 2.0 * x;" }))).toBe(
      text("fn f(x: f32) -> f32 { return 2.0 * x; } fn g() {}"),
    );
    expect(() => withBodies(readModule(source), { h: "" })).toThrow("the shader has no function h");
  });
});

describe("hooks for four elements", () => {
  const hook: Hook = {
    code: [
      { op: "index" },
      { op: "load", binding: "result0", at: 0 },
      { op: "map", from: 0, terms: [{ div: 64, mod: 0, mul: 1 }], offset: 0 },
      { op: "load", binding: "operand0", at: 2 },
      { op: "call", fn: "mul", args: [3, 1] },
      { op: "call", fn: "minimum", args: [3, 4] },
    ],
    stores: [{ binding: "result0", from: 5 }],
  };
  const scope: HookScope = { memoryOf: () => ({ dtype: "f32", offset: 0 }), scalars: [] };

  it("read what is their own as a vector, and what four share as one number", () => {
    const source = "fn store(index: u32, value: vec4<f32>) {}";
    expect(changed(source, (module) => withVectorHooks(module, { store: hook }, scope))).toBe(
      text(`fn store(index: u32, value: vec4<f32>) {
        let v0 = index;
        let v1 = bitcast<vec4<f32>>(result0[index / 4u]);
        let v2 = (v0 / 64u);
        let v3 = bitcast<f32>(operand0[v2]);
        let v4 = v3 * v1;
        let v5 = vec4<f32>(minimum(v3, v4.x), minimum(v3, v4.y), minimum(v3, v4.z), minimum(v3, v4.w));
        result0[index / 4u] = bitcast<vec4<u32>>(v5);
      }`),
    );
    expect(vectorBindings(hook)).toEqual(["result0"]);
  });

  it("are none where an element goes by its neighbours, its position or a number of its own", () => {
    const of = (...code: Instruction[]) =>
      fitVectors([{ code: [{ op: "index" }, ...code], result: code.length }]);
    const map = (div: number): Instruction => ({
      op: "map",
      from: 0,
      terms: [{ div, mod: 0, mul: 3 }],
      offset: 1,
    });
    expect(of(map(64), { op: "load", binding: "operand0", at: 1 })).toBe(true);
    expect(of(map(2), { op: "load", binding: "operand0", at: 1 })).toBe(false);
    expect(of({ op: "position", at: 0 })).toBe(false);
    expect(of({ op: "random", at: 0, stream: 1, counter: "step" })).toBe(false);
    const both = [0, 1].map((at): Instruction => ({ op: "load", binding: "operand0", at }));
    expect(of(map(64), ...both)).toBe(false);
  });
});

describe("store hooks for four neighbours", () => {
  const source = `fn store(index: u32, value: f32) {}
    fn storeVector(index: u32, value: vec4<f32>) { store(index, value.x); }
    fn isStoreLong() -> bool { return false; }`;
  const scope: HookScope = {
    memoryOf: (name) => ({ dtype: "f32", offset: name === "result0" ? 64 : 0 }),
    scalars: [],
  };
  const written = (code: readonly Instruction[]) =>
    changed(source, (module) =>
      withNeighbours(
        module,
        { store: { vector: "storeVector", isLong: "isStoreLong" } },
        { store: { code, stores: [{ binding: "result0", from: code.length - 1 }] } },
        scope,
      ),
    );
  const map = (from: number, ...terms: IndexTerm[]): Instruction => ({ op: "map", from, terms, offset: 0 });
  const withBody = (body: string) =>
    text(
      source.replace(
        "{ store(index, value.x); }",
        `{ ${body}
      result0[(index + 64u)] = bitcast<u32>(v4.x);
      result0[(index + 65u)] = bitcast<u32>(v4.y);
      result0[(index + 66u)] = bitcast<u32>(v4.z);
      result0[(index + 67u)] = bitcast<u32>(v4.w);
    }`,
      ),
    );
  const column: IndexTerm = { div: 1, mod: 192, mul: 1 };

  it("compute positions once, in a form that shows multiples of four", () => {
    expect(
      written([
        { op: "value" },
        { op: "index" },
        map(1, column),
        { op: "load", binding: "operand0", at: 2 },
        { op: "call", fn: "add", args: [0, 3] },
      ]),
    ).toBe(
      withBody(`let v0 = value;
        let v1 = index;
        let v2 = ((v1 / 4u) % 48u) * 4u;
        let v3 = vec4<f32>(bitcast<f32>(operand0[v2]), bitcast<f32>(operand0[(v2 + 1u)]),
          bitcast<f32>(operand0[(v2 + 2u)]), bitcast<f32>(operand0[(v2 + 3u)]));
        let v4 = v0 + v3;`),
    );
  });

  it("take parts of the index from the shader, and divide for all others", () => {
    const known = { ...scope, parts: { store: { channel: { div: 576, mod: 24 } } } };
    const code: Instruction[] = [
      { op: "value" },
      { op: "index" },
      map(1, { div: 576, mod: 24, mul: 1 }),
      map(1, { div: 576, mod: 12, mul: 2 }),
      map(2, { div: 576, mod: 24, mul: 1 }),
      { op: "position", at: 2 },
    ];
    const hooks = { store: { code, stores: [{ binding: "result0", from: 5 }] } };
    const lines = `let v0 = value;
      let v1 = index;
      let v2 = channel;
      let v3 = ((v1 / 576u) % 12u) * 2u;
      let v4 = ((v2 / 576u) % 24u);
      let v5 = f32(v2);`;
    const plain = "fn store(index: u32, channel: u32, value: f32) {}";
    expect(changed(plain, (module) => withHooks(module, hooks, known))).toBe(
      text(plain.replace("{}", `{ ${lines} result0[(index + 64u)] = bitcast<u32>(v5); }`)),
    );
    const four = "fn storeVector(index: u32, channel: u32, value: vec4<f32>) {}";
    expect(
      changed(four, (module) => withNeighbours(module, { store: { vector: "storeVector" } }, hooks, known)),
    ).toBe(
      text(
        four.replace(
          "{}",
          `{ ${lines}
            result0[(index + 64u)] = bitcast<u32>(v5); result0[(index + 65u)] = bitcast<u32>(v5);
            result0[(index + 66u)] = bitcast<u32>(v5); result0[(index + 67u)] = bitcast<u32>(v5); }`,
        ),
      ),
    );
  });

  it("take positions of positions, strides, and what four share", () => {
    expect(
      written([
        { op: "value" },
        { op: "index" },
        map(1, column, { div: 192, mod: 0, mul: 384 }),
        map(2, { div: 1, mod: 64, mul: 3 }, { div: 64, mod: 0, mul: 1 }),
        { op: "position", at: 3 },
      ]),
    ).toBe(
      withBody(`let v0 = value;
        let v1 = index;
        let v2 = ((v1 / 4u) % 48u) * 4u + (v1 / 192u) * 384u;
        let v3 = ((v2 / 4u) % 16u) * 12u + (v2 / 64u);
        let v4 = vec4<f32>(f32(v3), f32((v3 + 3u)), f32((v3 + 6u)), f32((v3 + 9u)));`),
    );
  });

  it("are called one by one where neighbours lie on both sides of a border", () => {
    for (const border of [
      { ...column, mod: 190 },
      { ...column, div: 2 },
    ]) {
      expect(written([{ op: "index" }, map(0, border), { op: "position", at: 1 }])).toBe(text(source));
    }
  });

  it("are long where they call for more than some instructions", () => {
    const long = written([{ op: "value" }, { op: "call", fn: "tanh", args: [0] }]);
    expect(long).toContain("return true;");
    expect(written([{ op: "value" }, { op: "call", fn: "relu", args: [0] }])).not.toContain("return true;");
  });
});

describe("hooks", () => {
  const scope: HookScope = {
    memoryOf: (name) => ({ dtype: name === "operand1" ? "u8" : "f32", offset: name === "result0" ? 64 : 0 }),
    scalars: [
      { name: "rate", dtype: "f32" },
      { name: "seed", dtype: "u32" },
      { name: "step", dtype: "u32" },
    ],
  };
  const load = (code: readonly Instruction[]) =>
    changed("fn element(index: u32) -> f32 { return 0.0; }", (module) =>
      withHooks(module, { element: { code, result: code.length - 1 } }, scope),
    );

  it("are written from instructions", () => {
    expect(
      load([
        { op: "index" },
        { op: "map", from: 0, terms: [{ div: 4, mod: 3, mul: -2 }], offset: 5 },
        { op: "load", binding: "operand0", at: 1 },
        { op: "scalar", scalar: "rate" },
        { op: "call", fn: "mul", args: [2, 3] },
      ]),
    ).toBe(
      text(`fn element(index: u32) -> f32 {
        let v0 = index;
        let v1 = ((v0 / 4u) % 3u) * 4294967294u + 5u;
        let v2 = bitcast<f32>(operand0[v1]);
        let v3 = bitcast<f32>(step[0].x);
        let v4 = mul(v2, v3);
        return v4;
      }`),
    );
  });

  it("draw random numbers of the step, read bytes, and store where their part begins", () => {
    expect(
      load([
        { op: "index" },
        { op: "random", at: 0, stream: 7, counter: "step" },
        { op: "load", binding: "operand1", at: 0 },
      ]),
    ).toBe(
      text(`fn element(index: u32) -> f32 {
        let v0 = index;
        let v1 = stepUniform(step[0].y, 7u, step[0].z, v0);
        let v2 = f32((operand1[v0 >> 2u] >> ((v0 & 3u) * 8u)) & 255u);
        return v2;
      }`),
    );
    const store: Hook = { code: [{ op: "value" }], stores: [{ binding: "result0", from: 0 }] };
    expect(
      changed("fn store(index: u32, value: f32) {}", (module) => withHooks(module, { store }, scope)),
    ).toBe(
      text(`fn store(index: u32, value: f32) {
        let v0 = value;
        result0[(index + 64u)] = bitcast<u32>(v0);
      }`),
    );
  });

  it("hold no x - x and no x · 0, which compilers take for 0", () => {
    const body = load([
      { op: "value" },
      { op: "call", fn: "sub", args: [0, 0] },
      { op: "constant", value: 0 },
      { op: "call", fn: "mul", args: [2, 0] },
    ]);
    expect(body).toContain("let v1 = zeroOf(v0);");
    expect(body).toContain("let v3 = zeroOf(v0);");
  });
});

describe("the library", () => {
  it("takes the place of plain bodies, with all that its functions call, and leaves out what nobody calls", () => {
    const source =
      "fn relu(x: f32) -> f32 { return max(x, 0.0); } fn f(x: f32) -> f32 { let square = relu(x); return square; }";
    const names = withLibrary(readModule(source)).map((one) => "name" in one && one.name);
    expect(names).toEqual(["f", "relu", "keepNaN", "isNaN"]);
    expect(changed(source, withLibrary)).toContain(
      text("fn relu(x: f32) -> f32 { return keepNaN(x, max(x, 0.0)); }"),
    );
  });
});

describe("loops over tiles", () => {
  const constants = "const TILE_M = 4u; const LANES = 2u; const TILE_N = 2u; const K = 2u;";

  it("are written out, one in another, up to a constant or a part of it; others stay", () => {
    const source = `fn f() {
      for (var i = 0u; i < TILE_M / LANES; i++) { for (var j = 0u; j < TILE_N; j++) { sum[i * TILE_N + j] += x.i; } }
      for (var l = 0u; l < LANES; l++) { g(l); }
      for (var k = 0u; k < K; k++) { g(k); }
    }`;
    expect(changed(constants + source, unrolled)).toBe(
      text(`${constants} fn f() {
        { { sum[0u * TILE_N + 0u] += x.i; } { sum[0u * TILE_N + 1u] += x.i; } }
        { { sum[1u * TILE_N + 0u] += x.i; } { sum[1u * TILE_N + 1u] += x.i; } }
        { g(0u); } { g(1u); }
        for (var k = 0u; k < K; k++) { g(k); }
      }`),
    );
    expect(() => unrolled(readModule(source))).toThrow('"TILE_N" is no number');
  });

  it("have bounds that may be expressions of further constants", () => {
    const loop = (bound: string) => `fn f() { for (var i = 0u; i < ${bound}; i++) { g(i); } }`;
    const parts = `${constants} const TILE_PARTS = max(TILE_M, 3u) * (LANES + 1u) / min(min(9u, TILE_N), TILE_M - 1u);`;
    const written = Array.from({ length: 6 }, (_, i) => `{ g(${i}u); }`).join(" ");
    expect(changed(parts + loop("TILE_PARTS"), unrolled)).toBe(text(`${parts} fn f() { ${written} }`));
    for (const bound of [
      "TILE_M ^ 3u",
      "TILE_M / 0u",
      "TILE_M * min(2u)",
      "TILE_M / K / TILE",
      "TILE_M * -1u",
    ]) {
      expect(() => unrolled(readModule(constants + loop(bound)))).toThrow(
        "is no number of the module's constants",
      );
    }
  });
});

describe("subgroups", () => {
  const source = `enable subgroups;
    fn f(@builtin(subgroup_invocation_id) lane: u32) { x = subgroupShuffle(value, 3u); y = subgroupShuffle(value, l); }`;

  it("broadcast from lanes with a number", () => {
    expect(changed(source, withBroadcasts)).toBe(
      text(source.replace("subgroupShuffle(value, 3u)", "subgroupBroadcast(value, 3u)")),
    );
  });

  it("are gone where each invocation is its only lane", () => {
    expect(changed(source, withoutSubgroups)).toBe(
      text("fn f(@builtin(local_invocation_index) lane: u32) { x = value; y = subgroupShuffle(value, l); }"),
    );
  });

  const kernel = (builtins: string) => `const LANES = 1u;
    fn laneOf(local: u32) -> u32 { return local % LANES; }
    fn sumOfLanes(value: f32, local: u32) -> f32 { return value; }
    @compute @workgroup_size(64) fn main(@builtin(workgroup_id) group: vec3<u32>, ${builtins}) {
      x = sumOfLanes(y, local);
    }`;

  it("of a size that the entry point asks for number the invocations, and their functions replace those of lanes", () => {
    const code = changed(kernel("@builtin(local_invocation_index) local: u32"), (module) =>
      withSubgroupLanes(module, "main", 32),
    );
    expect(code).toMatch(/^enable subgroup_size_control;\nenable subgroups;\n/);
    expect(code.match(/fn sumOfLanes/g)).toHaveLength(1);
    expect(code).toContain("subgroupShuffleXor(value, distance)");
    expect(code).toContain("fn laneOf(local: u32) -> u32");
    const main = `@compute @workgroup_size(64) @subgroup_size(32)
      fn main(
        @builtin(workgroup_id) group: vec3<u32>,
        @builtin(subgroup_id) subgroup_id: u32,
        @builtin(subgroup_invocation_id) subgroup_invocation_id: u32,
      ) {
        let local = subgroup_id * 32u + subgroup_invocation_id;
        x = sumOfLanes(y, local);
      }`;
    expect(code).toContain(text(main));
  });

  it("do not serve entry points that have another position in the workgroup, or none", () => {
    for (const builtins of [
      "@builtin(local_invocation_index) local: u32, @builtin(local_invocation_id) id: vec3<u32>",
      "@builtin(global_invocation_id) id: vec3<u32>, @builtin(local_invocation_index) local: u32",
      "@builtin(num_workgroups) all: vec3<u32>",
    ]) {
      expect(() => withSubgroupLanes(readModule(kernel(builtins)), "main", 32)).toThrow(
        /lanes of subgroups have local_invocation_index/,
      );
    }
  });
});

describe("vectors", () => {
  const access: VectorAccess = { constant: "VECTOR_B", element: "loadB", vector: "vectorB" };
  const functions = `fn loadB(index: u32) -> f32 { return b[index]; }
    fn vectorB(vector: u32) -> vec4<f32> { return vec4<f32>(loadB(vector * 4u)); }`;

  it("are what the binding holds", () => {
    const source = `var<storage, read> b: array<f32>; ${functions}`;
    expect(changed(source, (module) => withVectors(module, "b", access))).toBe(
      text(`var<storage, read> b: array<vec4<f32>>;
        fn loadB(index: u32) -> f32 { return b[index / 4u][index % 4u]; }
        fn vectorB(vector: u32) -> vec4<f32> { return b[vector]; }`),
    );
    expect(() => withVectors(readModule(functions), "b", access)).toThrow("the shader reads no b");
  });

  it("are a word of bytes where a hook reads one byte for each element, and untouched where it reads others", () => {
    let offset = 64;
    const memoryOf = () => ({ dtype: "u8", offset }) as const;
    const code: Instruction[] = [
      { op: "index" },
      { op: "load", binding: "operand0", at: 0 },
      { op: "constant", value: 255 },
      { op: "call", fn: "div", args: [1, 2] },
    ];
    const pass = (module: Module) =>
      withByteVectors(module, access, { code, result: 3 }, { memoryOf, scalars: [] });
    expect(changed(functions, pass)).toContain(
      text(`fn vectorB(vector: u32) -> vec4<f32> {
        let v0 = vector * 4u;
        let v1 = vec4<f32>(unpack4xU8(operand0[((vector * 4u) + 64u) >> 2u]));
        let v2 = vec4<f32>(f32(255.0));
        let v3 = vec4<f32>(div(v1.x, v2.x), div(v1.y, v2.y), div(v1.z, v2.z), div(v1.w, v2.w));
        return v3;
      }`),
    );
    offset = 65;
    expect(changed(functions, pass)).toBe(text(functions));
    offset = 64;
    code[0] = { op: "position", at: 0 };
    expect(changed(functions, pass)).toBe(text(functions));
  });
});

describe("what an entry point does not reach", () => {
  it("is left out: other entry points, and what only they use", () => {
    const source = `enable subgroups;
      const SIZE = 4u; const HALF = SIZE / 2u; const OTHER = 1u;
      @group(1) @binding(0) var<storage, read> a: array<f32>;
      fn g(a: f32) -> f32 { return a; }
      fn h() { g(f32(OTHER)); }
      @compute @workgroup_size(HALF) fn main() { g(1.0); }
      @compute @workgroup_size(1) fn other() { h(); }`;
    expect(changed(source, (module) => reachable(module, "main"))).toBe(
      text(`enable subgroups; const SIZE = 4u; const HALF = SIZE / 2u;
        fn g(a: f32) -> f32 { return a; }
        @compute @workgroup_size(HALF) fn main() { g(1.0); }`),
    );
    expect(() => reachable(readModule(source), "missing")).toThrow("the shader has no missing");
  });
});

describe("the memory of hooks", () => {
  it("is declared as a dispatch binds it, behind the constants", () => {
    const source = "const N = 1u; var<workgroup> w: f32; fn f() { result0[0] = operand1[0]; }";
    expect(changed(source, (module) => withHookMemory(module, ["operand1", "x", "result0"]))).toBe(
      text(`const N = 1u;
        @group(1) @binding(11) var<storage, read> operand1: array<u32>;
        @group(1) @binding(20) var<storage, read_write> result0: array<u32>;
        var<workgroup> w: f32;
        fn f() { result0[0] = operand1[0]; }`),
    );
  });
});

describe("the step table", () => {
  const source = "const N = 1u; fn f() { g(step[0].x, step[3].w); h(step[0].x); } fn g(a: u32, step: u32) {}";

  it("is declared where it is read", () => {
    expect(changed(source, (module) => withStepTable(module))).toBe(
      text(`const N = 1u;
        @group(0) @binding(0) var<uniform> step: array<vec4<u32>, 16>;
        fn f() { g(step[0].x, step[3].w); h(step[0].x); } fn g(a: u32, step: u32) {}`),
    );
    const plain = "fn f() { let step = 1.0; }";
    for (const immediates of [false, true])
      expect(changed(plain, (module) => withStepTable(module, immediates))).toBe(text(plain));
  });

  it("is a structure as immediates, which hold no arrays", () => {
    expect(changed(source, (module) => withStepTable(module, true))).toBe(
      text(`const N = 1u;
        struct StepRow { slots0: vec4<u32>, slots1: vec4<u32>, slots2: vec4<u32>, slots3: vec4<u32> }
        var<immediate> step: StepRow;
        fn f() { g(step.slots0.x, step.slots3.w); h(step.slots0.x); } fn g(a: u32, step: u32) {}`),
    );
  });
});

describe("numbers", () => {
  it("are read in the place of constants, and of what is computed from these", () => {
    const source = `const M = 3u; const N = 4u; const ROW = select(M, 1u, N == 4u); const AREA = ROW * N;
      fn f(i: u32) -> u32 { const HALF = M / 2u; const FULL = N; return i * AREA + HALF + FULL + v.M; }`;
    const numbers = new Numbers();
    const reads = { M: numbers.read("M", "u32", 3), K: numbers.read("K", "u32", 5) };
    const read = (module: Module) => withNumberMemory(module, numbersRead(module, numbers));
    expect(changed(source, (module) => read(withNumbers(module, reads, numbers)))).toBe(
      text(`const N = 4u;
        struct Numbers { M: u32 }
        @group(1) @binding(30) var<uniform> numbers: Numbers;
        fn f(i: u32) -> u32 {
          let M = numbers.M;
          let ROW = select(M, 1u, N == 4u);
          let AREA = ROW * N;
          let HALF = M / 2u;
          const FULL = N;
          return i * AREA + HALF + FULL + v.M;
        }`),
    );
  });

  it("are quotients as well; what a condition says of them is a constant", () => {
    const source = `const M = 12u; const TURNS = (M + 7u) / 8u; const WHOLE = M % 8u == 0u || !(M > 3u);
      const AHEAD = select(M / 4u, 1u, WHOLE); const LAST = select(1u, 2u, WHOLE);
      fn f(i: u32) -> u32 { return select(TURNS, AHEAD + LAST, WHOLE && i < M); }`;
    const shader = (m: number) => {
      const numbers = new Numbers();
      const module = readModule(source.replace("M = 12u", `M = ${m}u`));
      const reads = { M: numbers.read("M", "u32", m) };
      return { code: print(withNumbers(module, reads, numbers)), numbers: numbers.list };
    };
    expect(shader(12).code).toBe(
      text(`const WHOLE = false;
        const LAST = select(1u, 2u, WHOLE);
        fn f(i: u32) -> u32 {
          let TURNS = numbers.TURNS;
          let M = numbers.M;
          let AHEAD = select(M / 4u, 1u, WHOLE);
          return select(TURNS, AHEAD + LAST, WHOLE && i < M);
        }`),
    );
    expect(shader(12).numbers.map(({ name, value }) => [name, value])).toEqual([
      ["M", 12],
      ["TURNS", 2],
    ]);
    expect(shader(20).code).toBe(shader(12).code);
    for (const whole of [16, 3]) expect(shader(whole).code).toContain("const WHOLE = true;");
    expect(() =>
      withNumbers(readModule("const M = 3u; const N = sqrt(M) / 2u;"), { M: "1u" }, new Numbers()),
    ).toThrow('"sqrt ( M ) / 2u" is no number');
  });

  it("do not shape memory, workgroups or types", () => {
    for (const source of [
      "const M = 3u; var<workgroup> w: array<f32, M>;",
      "const M = 3u; const N = M * 2u; @compute @workgroup_size(N) fn f() {}",
      "const M = 3u; fn f(x: array<f32, M>) {}",
    ])
      expect(() => withNumbers(readModule(source), { M: "numbers.M" }, new Numbers())).toThrow(
        "cannot shape",
      );
  });

  it("are the offsets and factors of hooks, but for 0, 1 and the like", () => {
    const code: Instruction[] = [
      { op: "index" },
      { op: "map", from: 0, terms: [{ div: 4, mod: 0, mul: 2 }], offset: 7 },
      { op: "load", binding: "operand0", at: 1 },
      { op: "constant", value: 0.1 },
      { op: "constant", value: 0 },
      { op: "constant", value: 0.3 },
    ];
    const all = new Numbers();
    const scope: HookScope = {
      memoryOf: () => ({ dtype: "f32", offset: 64 }),
      scalars: [],
      numbers: all.ofPart(1),
    };
    const hook = { element: { code, result: 5 } };
    expect(
      changed("fn element(index: u32) -> f32 { return 0.0; }", (module) => withHooks(module, hook, scope)),
    ).toBe(
      text(`fn element(index: u32) -> f32 {
        let v0 = index;
        let v1 = (v0 / 4u) * 2u + numbers.offset0_1;
        let v2 = bitcast<f32>(operand0[(v1 + numbers.operand0Start_1 * 64u)]);
        let v3 = numbers.value0_1;
        let v4 = f32(0.0);
        let v5 = numbers.value1_1;
        return v5;
      }`),
    );
    expect([...numberWords(all.list)]).toEqual([7, 1, 0x3dcccccd, 0x3e99999a]);
  });

  it("have one value each, of their type", () => {
    const numbers = new Numbers();
    numbers.read("M", "u32", 3);
    expect(numbers.read("M", "u32", 3)).toBe("numbers.M");
    expect(() => numbers.read("M", "u32", 4)).toThrow("number M is 3 and 4");
    for (const value of [-1, 0.5, 2 ** 32, Number.NaN])
      expect(() => numbers.read("N", "u32", value)).toThrow("is no u32");
    for (const value of [1e39, Number.NaN])
      expect(() => numbers.read("x", "f32", value)).toThrow("no finite f32");
  });
});

describe("parts of a launch", () => {
  it("share arrays in workgroup memory, the largest of each element type", () => {
    const part = (arrays: string) => ({
      module: readModule(
        `const N = 2u; ${arrays} @compute @workgroup_size(8) fn main() { tiles[0] = vec4<f32>(); other[N] = 1.0; }`,
      ),
      entryPoint: "main",
      grid: [1, 1, 1] as const,
      variables: new Map(),
    });
    const first = part(
      "var<workgroup> tiles: array<vec4<f32>, max(N, 3u)>; var<workgroup> other: array<f32, 8>;",
    );
    const second = part(
      "var<workgroup> tiles: array<vec4<f32>, N>; var<workgroup> other: array<f32, N>; var<workgroup> more: array<f32, 4>;",
    );
    const launch = { workgroup: [8, 1] as const, grid: [2, 1, 1] as const, memory: [] };
    const module = joined([first, second], launch);
    const memory = module.filter((one) => one.kind === "var");
    expect(print(memory)).toBe(
      text(`var<workgroup> vec4f32Array0: array<vec4<f32>, max(max(N_0, 3u), N_1)>;
        var<workgroup> f32Array0: array<f32, max(8, N_1)>;
        var<workgroup> f32Array1: array<f32, 4>;`),
    );
    expect(print(module)).toContain("f32Array0[N_1] = 1.0;");
  });

  const part = `enable subgroups;
    const N = 2u;
    @group(1) @binding(0) var<storage, read> a: array<f32>;
    var<workgroup> sums: array<f32, N>;
    fn relu(x: f32) -> f32 { return x; }
    @compute @workgroup_size(8, 4)
    fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
      sums[local] = relu(a[group.x]);
    }`;

  it("stand behind one another, with names of their own, and an entry point that gives each its workgroups", () => {
    const one = (grid: readonly [number, number, number], memory: string) => ({
      module: readModule(part),
      entryPoint: "main",
      grid,
      variables: new Map([["a", memory]]),
    });
    const launch = {
      workgroup: [8, 4] as const,
      grid: [8, 1, 1] as const,
      memory: ["@group(1) @binding(0) var<storage, read> memory0: array<f32>;"],
    };
    const own = (number: number) => `
      const N_${number} = 2u;
      fn main_${number}(group: vec3<u32>, local: u32) { f32Array0[local] = relu(memory0[group.x]); }`;
    expect(print(joined([one([2, 3, 1], "memory0"), one([2, 1, 1], "memory0")], launch))).toBe(
      text(`enable subgroups;
        ${launch.memory[0]}
        var<workgroup> f32Array0: array<f32, max(N_0, N_1)>;
        ${own(0)}
        ${own(1)}
        @compute @workgroup_size(8, 4)
        fn launch(
          @builtin(workgroup_id) workgroup_id: vec3<u32>,
          @builtin(local_invocation_id) local_invocation_id: vec3<u32>,
          @builtin(local_invocation_index) local_invocation_index: u32,
        ) {
          let number = workgroup_id.x;
          if (number < 6u) {
            let at = number - 0u;
            let workgroup = vec3<u32>(at % 2u, at / 2u % 3u, at / 6u);
            main_0(workgroup, local_invocation_index);
          } else {
            let at = number - 6u;
            let workgroup = vec3<u32>(at % 2u, at / 2u % 1u, at / 2u);
            main_1(workgroup, local_invocation_index);
          }
        }`),
    );
  });

  it("find their workgroups by factors, where these are read at run time", () => {
    const numbers = new Numbers();
    const one = {
      module: readModule(part),
      entryPoint: "main",
      grid: [2, 3, 2],
      variables: new Map(),
    } as const;
    const launch = { workgroup: [8, 4], grid: [12, 1, 1], memory: [], numbers } as const;
    expect(print(joined([one], launch))).toContain(
      print(
        readModule(
          `fn launch() {
          let number = workgroup_id.x; {
            let at = number - 0u;
            let row = u32((f32(at) + 0.5) * numbers.perColumn_0);
            let layer = u32((f32(at) + 0.5) * numbers.perLayer_0);
            let workgroup = vec3<u32>(at - row * numbers.columns_0, row - layer * numbers.rows_0, layer);` +
            "main_0(workgroup, local_invocation_index); } }",
        ),
      )
        .split("{\n")
        .slice(1)
        .join("{\n"),
    );
    expect(numbers.list.map(({ name, value }) => [name, value])).toEqual([
      ["columns_0", 2],
      ["rows_0", 3],
      ["perColumn_0", 1 / 2],
      ["perLayer_0", 1 / 6],
    ]);
    const folded = { ...launch, grid: [65535, 32, 1] } as const;
    expect(print(joined([one], folded))).toContain("at / 2u");
  });

  it("find the same by these factors as by division", () => {
    for (const columns of [1, 2, 3, 7, 49, 1023, 1025, 65535, 2 ** 20 - 1]) {
      const factor = Math.fround(1 / columns);
      let wrong = 0;
      for (let at = 0; at <= 2 ** 20; at++)
        if (Math.floor(Math.fround(Math.fround(at + 0.5) * factor)) !== Math.floor(at / columns)) wrong++;
      expect(wrong, `${columns} columns`).toBe(0);
    }
  });

  it("asks for subgroups of the size that a part asks for", () => {
    const plain = "@compute @workgroup_size(64) fn main(@builtin(workgroup_id) group: vec3<u32>) { f(); }";
    const part = (source: string) => ({
      module: readModule(source),
      entryPoint: "main",
      grid: [1, 1, 1] as const,
      variables: new Map<string, string>(),
    });
    const launch = { workgroup: [64, 1] as const, grid: [2, 1, 1] as const, memory: [] };
    const asking = plain.replace("fn main", "@subgroup_size(16) fn main");
    expect(print(joined([part(plain), part(asking)], launch))).toContain(
      "@workgroup_size(64, 1) @subgroup_size(16)",
    );
    expect(print(joined([part(plain), part(plain)], launch))).not.toContain("subgroup_size");
  });
});

/** WGSL, read: tokens, declarations, and where they stand. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { attribute, functionNamed, readModule, tokenize } from "../../../src/kernels/wgsl/read.ts";

const folder = new URL("../../../shaders/", import.meta.url);
const shaders = readdirSync(folder).filter((file) => file.endsWith(".wgsl"));

describe("tokens", () => {
  it.each([
    ["a<b", "a < b"],
    ["array<f32>", "array ⟨ f32 ⟩"],
    ["array<vec4<f32>>()", "array ⟨ vec4 ⟨ f32 ⟩ ⟩ ( )"],
    // In brackets of its own, a comparison is one.
    ["array<f32, (M > 4)>=x", "array ⟨ f32 , ( M > 4 ) ⟩ = x"],
    ["x >>= y >> 2u", "x >>= y >> 2u"],
    ["bitcast<u32>(i < n && j > m)", "bitcast ⟨ u32 ⟩ ( i < n && j > m )"],
    ["0x1.8p-3f + 1e-8+.5h", "0x1.8p-3f + 1e-8 + .5h"],
    ["i++;--j", "i ++ ; -- j"],
    ["Δx_1.y", "Δx_1 . y"],
    // A comma in front of a closing bracket is none.
    ["f(a, b,)", "f ( a , b )"],
    ["a/* one /* nested */ // */b // end", "a b"],
    ["// /* no start\na", "a"],
  ])("of %s", (source, tokens) => {
    expect(tokenize(source).join(" ")).toBe(tokens);
  });
});

describe("declarations", () => {
  const source = `enable subgroups; // for lanes
    const SIZE = 4u;
    alias Row = vec4<f32>;
    struct Pair { a: f32, @align(16) b: Row, };
    @group(1) @binding(2) var<storage, read> x: array<Row>;
    @compute @workgroup_size(SIZE, 2)
    fn main(@builtin(workgroup_id) at: vec3<u32>, n: u32) { if (n > 1u) { return; } }
    fn half(x: f32) -> @location(0) f32 { return 0.5 * x; }`;
  const module = readModule(source);

  it("have kinds, names and parts", () => {
    expect(module.map((one) => [one.kind, "name" in one ? one.name : one.tokens.join(" ")])).toEqual([
      ["enable", "subgroups"],
      ["const", "SIZE"],
      ["alias", "Row"],
      ["struct", "Pair"],
      ["var", "x"],
      ["fn", "main"],
      ["fn", "half"],
    ]);
    expect(module[3]).toMatchObject({
      members: [
        { attributes: [], name: "a", type: ["f32"] },
        { name: "b", type: ["Row"] },
      ],
    });
    expect(module[4]).toMatchObject({
      space: ["storage", ",", "read"],
      type: ["array", "⟨", "Row", "⟩"],
      value: [],
    });
    const main = functionNamed(module, "main");
    expect(main?.parameters.map(({ name, type }) => `${name}: ${type.join("")}`)).toEqual([
      "at: vec3⟨u32⟩",
      "n: u32",
    ]);
    expect(main?.body.join(" ")).toBe("if ( n > 1u ) { return ; }");
    expect(functionNamed(module, "half")?.returns.join(" ")).toBe("@ location ( 0 ) f32");
    expect(functionNamed(module, "SIZE")).toBe(undefined);
  });

  it("have attributes with arguments", () => {
    const attributes = functionNamed(module, "main")?.attributes ?? [];
    expect(attribute(attributes, "workgroup_size")).toEqual(["SIZE", ",", "2"]);
    expect(attribute(attributes, "compute")).toEqual([]);
    expect(attribute(attributes, "fragment")).toBe(undefined);
  });

  it.each(shaders)("of %s stand where their spans say", (file) => {
    const text = readFileSync(new URL(file, folder), "utf8");
    for (const one of readModule(text)) {
      const [start, end] = one.span;
      const { span, ...again } = readModule(text.slice(start, end))[0];
      expect({ ...again, span: [start + span[0], start + span[1]] }).toEqual({ ...one, span: [start, end] });
      expect(span).toEqual([0, end - start]);
    }
  });
});

describe("what is no WGSL is refused with its line", () => {
  it.each([
    ["const A = 1u;\nfun f() {}", 'line 2 has "fun" where none is expected'],
    ["const A = 1u", 'line 1 has "an end" where none is expected'],
    ["const = 1u;", 'line 1 has "=" where none is expected'],
    ["fn f() { g(; }", 'line 1 has a "}" that closes nothing'],
    ["fn f() { g();", 'a "{" is not closed'],
    ["const A = 1u;\n\nconst B = #;", 'line 3 has a "#"'],
    ["fn f() {}\n/* /* */", "the comment in line 2 does not end"],
  ])("%s", (source, message) => {
    expect(() => readModule(source)).toThrow(message);
  });
});

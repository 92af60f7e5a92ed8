/** WGSL, printed: readable for people and devices, short for the build, and the same module either way. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { print, printCompactly, tokensOf } from "../../../src/kernels/wgsl/print.ts";
import { readModule } from "../../../src/kernels/wgsl/read.ts";

const folder = new URL("../../../shaders/", import.meta.url);
const shaders = readdirSync(folder).filter((file) => file.endsWith(".wgsl"));

const source = `enable subgroups;
// A header.
const SIZE=16; /* one */ const HALF = -(SIZE-1) / 2;
struct Pair{a:f32,@align(16) b:vec2<f32>}
@group(1)@binding(0) var<storage,read> x:array<vec4<f32>>;
fn nothing(){}
fn choose(a:f32,b:f32)->f32{return select(a,-b,!(a<b)&&x[0].y>=-1.0);}
@compute@workgroup_size(64,1)fn main(@builtin(workgroup_id) tile:vec3<u32>,@builtin(local_invocation_id) local_place:vec3<u32>,){
for(var i=0u;i<4u;i++){var sum:array<f32,4>;let p=&sum;(*p)[i]=choose(1.0,f32(i))*-2.0;if(i==2u){continue;}else if(i>2u){break;}else{sum[0]-=1.0;}}
switch(SIZE){case 1,2:{return;}default:{}}
loop{{workgroupBarrier();}continuing{break if true;}}}`;

const readable = `enable subgroups;
const SIZE = 16;
const HALF = -(SIZE - 1) / 2;

struct Pair {
  a: f32,
  @align(16) b: vec2<f32>,
}

@group(1) @binding(0) var<storage, read> x: array<vec4<f32>>;

fn nothing() {}

fn choose(a: f32, b: f32) -> f32 {
  return select(a, -b, !(a < b) && x[0].y >= -1.0);
}

@compute @workgroup_size(64, 1)
fn main(
  @builtin(workgroup_id) tile: vec3<u32>,
  @builtin(local_invocation_id) local_place: vec3<u32>,
) {
  for (var i = 0u; i < 4u; i++) {
    var sum: array<f32, 4>;
    let p = &sum;
    (*p)[i] = choose(1.0, f32(i)) * -2.0;
    if (i == 2u) {
      continue;
    } else if (i > 2u) {
      break;
    } else {
      sum[0] -= 1.0;
    }
  }
  switch (SIZE) {
    case 1, 2: {
      return;
    }
    default: {
    }
  }
  loop {
    {
      workgroupBarrier();
    }
    continuing {
      break if true;
    }
  }
}
`;

it("has a statement a line, indented", () => {
  expect(print(readModule(source))).toBe(readable);
});

it("breaks statements that are longer than a line at blanks, and indents what follows", () => {
  const sum = Array.from({ length: 30 }, (_, i) => `value${i}`).join(" + ");
  const name = "x".repeat(120);
  const code = `fn f(a: f32) {\n  if (true) {\n    let y = ${sum};\n    let z = ${name};\n  }\n}\n`;
  const printed = print(readModule(code));
  const lines = printed.split("\n");
  expect(lines[2]).toMatch(/^ {4}let y = value0 .*\S$/);
  expect(lines[2]?.length).toBeLessThanOrEqual(100);
  expect(lines[3]).toMatch(/^ {8}\S/);
  // A word is never broken.
  expect(lines.filter((line) => line.length > 100).map((line) => line.trim())).toEqual([`${name};`]);
  expect(printed.replace(/\s+/g, " ")).toBe(code.replace(/\s+/g, " "));
});

it("is short for the build, with names kept", () => {
  const short = "const SIZE=16;fn half(x:f32)->f32{return x*0.5- -x;}";
  const text = "const SIZE = 16; // sixteen\n\nfn half(\n  x: f32,\n) -> f32 {\n  return x * 0.5 - -x;\n}\n";
  expect(printCompactly(readModule(text))).toBe(short);
});

describe.each(shaders)("%s", (file) => {
  const module = readModule(readFileSync(new URL(file, folder), "utf8"));
  const tokens = module.map(tokensOf);

  it("is the same module when it was printed, and prints alike", () => {
    expect(readModule(print(module)).map(tokensOf)).toEqual(tokens);
    const built = readModule(printCompactly(module));
    expect(built.map(tokensOf)).toEqual(tokens);
    expect(print(built)).toBe(print(module));
    expect(printCompactly(module).length).toBeLessThan(0.85 * print(module).length);
  });
});

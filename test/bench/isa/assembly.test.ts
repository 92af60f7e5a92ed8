/** Short disassemblies, of which the inner loop and its instructions are known. */
import { describe, expect, it } from "vitest";
import { innerLoop } from "../../../bench/isa/assembly.ts";

const block = (name: string, ...lines: string[]) =>
  [`${name}:`, ...lines.map((line) => `\t${line.padEnd(50)} ; 7e0c0280`)].join("\n");
const times = (count: number, line: string) => Array.from({ length: count }, () => line);
const assembly = (...blocks: string[]) => `${blocks.join("\n")}\n`;

const FMA = "v_fma_f32 v1, v2, v3, v1";

describe("instructions", () => {
  const counted = (...lines: string[]) => innerLoop(assembly(block("BB0", ...lines)));

  it("are multiply-adds in all their spellings, of a slot each", () => {
    const lines = [
      "v_fma_f32 v1, v2, v3, v1",
      "v_fmac_f32_e32 v1, v2, v3",
      "v_fmac_f32_e64 v1, v2, s3",
      "v_fmaak_f32 v1, v2, v3, 0x40000000",
      "v_mac_f32_e32 v1, v2, v3",
    ];
    expect(counted(...lines)).toMatchObject({ multiplyAdds: 5, slots: 5 });
  });

  it("are others of the vector unit, which take a slot, or four as integer products", () => {
    const lines = [
      "v_add_f32_e32 v1, v2, v3",
      "v_cndmask_b32_e64 v1, v2, v3, vcc",
      "v_mul_f32_e32 v1, v2, v3",
    ];
    expect(counted(...lines)).toMatchObject({ multiplyAdds: 0, slots: 3 });
    expect(counted("v_mul_lo_u32 v1, v2, v3", "v_mul_hi_u32 v1, v2, v3")).toMatchObject({ slots: 8 });
    expect(counted("v_mul_u32_u24_e32 v1, v2, v3")).toMatchObject({ slots: 1 });
  });

  it("are pairs of two operations, of which either may be a multiply-add", () => {
    const fmac = "v_dual_fmac_f32 v1, v2, v3 :: v_dual_fmac_f32 v4, v5, v6";
    expect(counted(fmac)).toMatchObject({ multiplyAdds: 2, slots: 2 });
    const half = "v_dual_mov_b32 v1, v2 :: v_dual_fmac_f32 v4, v5, v6";
    expect(counted(half)).toMatchObject({ multiplyAdds: 1, slots: 2 });
    expect(counted("v_dual_mov_b32 v1, v2 :: v_dual_add_f32 v4, v5, v6")).toMatchObject({
      multiplyAdds: 0,
      slots: 2,
    });
  });

  it("are loads, accesses of workgroup memory, and the scalar unit's, which take no slot", () => {
    const lines = [
      "buffer_load_b128 v[0:3], v4, s[0:3], 0 offen",
      "global_load_b32 v1, v2, s[4:5]",
      "buffer_store_b32 v1, v2, s[0:3], 0 offen",
      "ds_load_b128 v[0:3], v4",
      "ds_store_b32 v1, v2",
      "s_mul_i32 s1, s2, s3",
      "s_waitcnt vmcnt(0)",
    ];
    expect(counted(...lines)).toEqual({ multiplyAdds: 0, slots: 0, workgroupAccesses: 2, loads: 2 });
  });
});

describe("the inner loop", () => {
  it("is from the block that is branched back to", () => {
    const text = assembly(
      block("BB0", ...times(100, "v_mov_b32_e32 v1, 0")),
      block("BB1", "ds_load_b128 v[0:3], v4", ...times(8, FMA), "s_cbranch_scc1 BB3"),
      block("BB2", ...times(2, "v_add_f32_e32 v1, v2, v3"), "s_branch BB1"),
      block("BB3", ...times(50, "v_add_f32_e32 v1, v2, v3")),
    );
    expect(innerLoop(text)).toEqual({ multiplyAdds: 8, slots: 10, workgroupAccesses: 1, loads: 0 });
  });

  it("is the inner of two", () => {
    const text = assembly(
      block("BB1", ...times(30, "v_add_nc_u32_e32 v1, v2, v3")),
      block("BB2", ...times(8, FMA), "s_cbranch_scc0 BB2"),
      block("BB4", "v_mov_b32_e32 v1, 0", "s_cbranch_scc1 BB1"),
    );
    expect(innerLoop(text)).toMatchObject({ multiplyAdds: 8, slots: 8 });
  });

  it("is the outer of two, where the inner has few of its multiply-adds", () => {
    const text = assembly(
      block("BB1", ...times(64, FMA)),
      block("BB2", ...times(4, FMA), "s_cbranch_scc0 BB2"),
      block("BB3", ...times(12, "v_add_f32_e32 v1, v2, v3"), "s_cbranch_scc1 BB1"),
    );
    expect(innerLoop(text)).toMatchObject({ multiplyAdds: 68, slots: 80 });
  });

  it("is the worst of those that parts of a launch have side by side", () => {
    const good = [...times(64, FMA), ...times(6, "v_mov_b32_e32 v1, 0")];
    const bad = [...times(40, FMA), ...times(40, "v_mov_b32_e32 v1, 0")];
    const part = (name: string, lines: readonly string[]) => block(name, ...lines, `s_cbranch_scc1 ${name}`);
    const expected = { multiplyAdds: 40, slots: 80 };
    expect(innerLoop(assembly(part("BB1", good), part("BB2", bad)))).toMatchObject(expected);
    expect(innerLoop(assembly(part("BB1", bad), part("BB2", good)))).toMatchObject(expected);
    // A loop with less than half of the multiply-adds does not decide.
    const small = [...times(8, FMA), ...times(80, "v_mov_b32_e32 v1, 0")];
    const text = assembly(part("BB1", good), part("BB2", small));
    expect(innerLoop(text)).toMatchObject({ multiplyAdds: 64, slots: 70 });
  });

  it("is the whole shader where loops were unrolled, or where there is nothing to add up", () => {
    const clearing = block("BB1", "ds_store_b128 v1, v[4:7]", "v_mov_b32_e32 v1, 0", "s_branch BB1");
    expect(innerLoop(assembly(clearing, block("BB2", ...times(9, FMA))))).toMatchObject({
      multiplyAdds: 9,
      slots: 10,
    });
    const rest = block("BB2", ...times(3, "v_add_f32_e32 v1, v2, v3"));
    expect(innerLoop(assembly(clearing, rest))).toMatchObject({ multiplyAdds: 0, slots: 4 });
  });

  it("is not what a branch forward skips", () => {
    const text = assembly(
      block("BB0", "s_cbranch_execz BB2"),
      block("BB1", ...times(4, FMA)),
      block("BB2", ...times(4, "v_mov_b32_e32 v1, 0")),
    );
    expect(innerLoop(text)).toMatchObject({ multiplyAdds: 4, slots: 8 });
  });
});

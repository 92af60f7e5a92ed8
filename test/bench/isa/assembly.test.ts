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
  const STORE = "buffer_store_b128 v[0:3], v4, s[0:3], 0 offen";
  /** A loop of one block. */
  const loop = (name: string, ...lines: string[]) => block(name, ...lines, `s_cbranch_scc0 ${name}`);

  it("is from the block that is branched back to", () => {
    const text = assembly(
      block("BB0", ...times(100, "v_mov_b32_e32 v1, 0")),
      block("BB1", "ds_load_b128 v[0:3], v4", ...times(8, FMA), "s_cbranch_scc1 BB3"),
      block("BB2", ...times(2, "v_add_f32_e32 v1, v2, v3"), "s_branch BB1"),
      block("BB3", ...times(50, "v_add_f32_e32 v1, v2, v3")),
    );
    expect(innerLoop(text)).toEqual({ multiplyAdds: 8, slots: 10, workgroupAccesses: 1, loads: 0 });
  });

  it("is not what a branch forward skips", () => {
    const text = assembly(
      block("BB0", "s_cbranch_execz BB2"),
      block("BB1", ...times(4, FMA)),
      block("BB2", ...times(4, "v_mov_b32_e32 v1, 0")),
    );
    expect(innerLoop(text)).toMatchObject({ multiplyAdds: 4, slots: 8 });
  });

  describe("with another in it", () => {
    const around = (inner: string, ...before: string[]) =>
      assembly(
        block("BB0", ...before),
        block("BB1", ...times(30, "v_add_nc_u32_e32 v1, v2, v3")),
        inner,
        block("BB4", "v_mov_b32_e32 v1, 0", "s_cbranch_scc1 BB1"),
      );

    it("has all of its turns, where they are constant", () => {
      const inner = loop("BB2", ...times(8, FMA), "s_add_u32 s6, s6, 2", "s_cmp_ge_u32 s6, 16");
      const expected = { multiplyAdds: 64, slots: 31 + 64 };
      expect(innerLoop(around(inner, "s_mov_b32 s6, 0"))).toMatchObject(expected);
      const down = loop("BB2", ...times(8, FMA), "s_addk_i32 s6, 0xffff", "s_cmp_lg_u32 s6, 0");
      const up = loop("BB2", ...times(8, FMA), "s_addk_i32 s6, 0x1", "s_cmp_lg_u32 s6, 0x8");
      expect(innerLoop(around(up, "s_movk_i32 s6, 0x0"))).toMatchObject(expected);
      expect(innerLoop(around(down, "s_movk_i32 s6, 0x8"))).toMatchObject(expected);
      // A counter that keeps compilers from loops without an end.
      const guarded = loop(
        "BB2",
        ...times(8, FMA),
        "s_add_u32 s8, s8, -1",
        "s_cmp_eq_i32 s8, 0",
        "s_add_u32 s6, s6, 2",
        "s_cmp_ge_u32 s6, 16",
      );
      expect(innerLoop(around(guarded, "s_mov_b32 s6, 0", "s_mov_b32 s8, 1000"))).toMatchObject(expected);
    });

    it("is that other, where its turns are unknown", () => {
      const alone = { multiplyAdds: 8, slots: 8 };
      const turn = (...counting: string[]) => loop("BB2", ...times(8, FMA), ...counting);
      const counting = ["s_add_u32 s6, s6, 1", "s_cmp_ge_u32 s6, 16"];
      // The number of turns comes from memory; the counter begins with anything; something else changes it.
      expect(
        innerLoop(around(turn("s_add_u32 s6, s6, 1", "s_cmp_ge_u32 s6, s7"), "s_mov_b32 s6, 0")),
      ).toMatchObject(alone);
      expect(innerLoop(around(turn(...counting), "s_mov_b32 s6, s9"))).toMatchObject(alone);
      expect(innerLoop(around(turn(...counting)))).toMatchObject(alone);
      expect(innerLoop(around(turn(...counting, "s_mov_b64 s[6:7], 0"), "s_mov_b32 s6, 0"))).toMatchObject(
        alone,
      );
      // A loop without multiply-adds takes none of the time that counts.
      const loads = loop("BB2", "buffer_load_b128 v[0:3], v4, s[0:3], 0 offen", "v_mov_b32_e32 v1, 0");
      const text = assembly(block("BB1", ...times(20, FMA)), loads, block("BB3", "s_cbranch_scc1 BB1"));
      expect(innerLoop(text)).toEqual({ multiplyAdds: 20, slots: 21, workgroupAccesses: 0, loads: 1 });
    });
  });

  it("is not a loop that stores", () => {
    const products = loop("BB1", ...times(30, FMA), ...times(10, "v_mov_b32_e32 v1, 0"));
    const stores = loop("BB2", ...times(60, FMA), ...times(60, "v_mov_b32_e32 v1, 0"), STORE);
    expect(innerLoop(assembly(products, stores))).toMatchObject({ multiplyAdds: 30, slots: 40 });
    // Around the products, it is their loop that counts.
    const around = [block("BB0", ...times(60, FMA)), products, block("BB3", STORE, "s_cbranch_scc1 BB0")];
    expect(innerLoop(assembly(...around))).toMatchObject({ multiplyAdds: 30, slots: 40 });
    // Where there is no other, the whole shader counts.
    expect(innerLoop(assembly(stores))).toMatchObject({ multiplyAdds: 60, slots: 120 });
  });

  it("is the worst of those that parts of a launch have side by side", () => {
    const good = [...times(64, FMA), ...times(6, "v_mov_b32_e32 v1, 0")];
    const bad = [...times(40, FMA), ...times(40, "v_mov_b32_e32 v1, 0")];
    const expected = { multiplyAdds: 40, slots: 80 };
    expect(innerLoop(assembly(loop("BB1", ...good), loop("BB2", ...bad)))).toMatchObject(expected);
    expect(innerLoop(assembly(loop("BB1", ...bad), loop("BB2", ...good)))).toMatchObject(expected);
    // A loop with less than a quarter of the multiply-adds does not decide.
    const small = [...times(8, FMA), ...times(80, "v_mov_b32_e32 v1, 0")];
    const text = assembly(loop("BB1", ...good), loop("BB2", ...small));
    expect(innerLoop(text)).toMatchObject({ multiplyAdds: 64, slots: 70 });
  });

  it("is the whole shader where loops were unrolled, or where there is nothing to add up", () => {
    const clearing = block("BB1", "ds_store_b128 v1, v[4:7]", "v_mov_b32_e32 v1, 0", "s_branch BB1");
    const unrolled = block("BB2", ...times(9, FMA));
    expect(innerLoop(assembly(clearing, unrolled))).toMatchObject({ multiplyAdds: 9, slots: 10 });
    expect(innerLoop(assembly(loop("BB1", ...times(4, FMA)), unrolled))).toMatchObject({ multiplyAdds: 13 });
    const rest = block("BB2", ...times(3, "v_add_f32_e32 v1, v2, v3"));
    expect(innerLoop(assembly(clearing, rest))).toMatchObject({ multiplyAdds: 0, slots: 4 });
  });
});

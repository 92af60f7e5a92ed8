/** What devices of several kinds offer to kernels, from what their adapters report. */
import { describe, expect, it } from "vitest";
import { type AdapterAbilities, traitsOf } from "../../src/runtime/gpu/traits.ts";
import { useEngines } from "../helpers/engines.ts";

const engines = useEngines();

interface Reported {
  /** Whether the adapter is a fallback adapter; some do not say. */
  readonly fallback?: boolean;
  /** Least and most invocations of a subgroup. */
  readonly sizes?: readonly [number, number];
  readonly features?: readonly string[];
  readonly language?: readonly string[];
  /** Sizes of subgroups that the device refuses, as some do below their most. */
  readonly refuses?: readonly number[];
}

const SUBGROUPS = ["subgroups"];
const CONTROL = ["subgroups", "subgroup-size-control"];
const NUMBERED = ["subgroup_id"];
const limits = { maxComputeWorkgroupStorageSize: 32768, maxComputeInvocationsPerWorkgroup: 1024 };

function adapterOf({ fallback, sizes }: Reported): AdapterAbilities {
  return { info: { isFallbackAdapter: fallback, subgroupMinSize: sizes?.[0], subgroupMaxSize: sizes?.[1] } };
}

/** The traits, and the sizes of subgroups for which the device compiled a pipeline. */
async function found(reported: Reported, adapter: AdapterAbilities = adapterOf(reported)) {
  const asked: number[] = [];
  const size = ({ code }: { readonly code: string }) => Number(/@subgroup_size\((\d+)\)/.exec(code)?.[1]);
  const device = {
    features: new Set(reported.features ?? []),
    limits,
    pushErrorScope() {},
    popErrorScope: async () => null,
    createShaderModule: (module: { readonly code: string }) => module,
    async createComputePipelineAsync({ compute: { module } }: { compute: { module: { code: string } } }) {
      asked.push(size(module));
      if (reported.refuses?.includes(size(module))) throw new Error("the device has no such subgroups");
      return {};
    },
  };
  const traits = await traitsOf(
    adapter,
    device as unknown as Parameters<typeof traitsOf>[1],
    new Set(reported.language ?? []),
    12,
  );
  return { traits, asked };
}

const common = { workgroupBytes: 32768, workgroupInvocations: 1024, immediates: false };
const narrow: readonly (readonly [string, Reported, number | undefined])[] = [
  ["lavapipe in Node", { fallback: true, sizes: [8, 8], features: CONTROL, language: NUMBERED }, 8],
  ["SwiftShader in Chromium", { fallback: true, sizes: [4, 4], features: CONTROL, language: NUMBERED }, 4],
  // Deno reports the sizes, but its shaders have no subgroups.
  ["lavapipe in Deno", { fallback: true, sizes: [8, 8] }, undefined],
  ["a fallback adapter with large subgroups", { fallback: true, sizes: [32, 32], features: SUBGROUPS }, 32],
  [
    "a fallback adapter with large subgroups of several sizes",
    { fallback: true, sizes: [16, 32], features: CONTROL },
    undefined,
  ],
  ["a fallback adapter that says nothing else", { fallback: true }, undefined],
  ["subgroups of a vector unit, with no word of a fallback", { sizes: [8, 8], features: SUBGROUPS }, 8],
];
const wide: readonly (readonly [string, Reported, number | undefined])[] = [
  ["subgroups of one size", { fallback: false, sizes: [32, 32], features: CONTROL, language: NUMBERED }, 32],
  ["subgroups of 8 to 32", { fallback: false, sizes: [8, 32], features: CONTROL, language: NUMBERED }, 32],
  ["subgroups of 32 or 64", { sizes: [32, 64], features: CONTROL, language: NUMBERED }, 64],
  ["subgroups of 64", { sizes: [64, 64], features: CONTROL, language: NUMBERED }, 64],
  ["subgroups of 4 to 16", { sizes: [4, 16], features: CONTROL, language: NUMBERED }, 16],
  [
    // Direct3D does not tell the most.
    "subgroups of 32 that are reported as 32 to 128",
    { sizes: [32, 128], features: CONTROL, language: NUMBERED, refuses: [64] },
    32,
  ],
  ["subgroups of 16 and less", { sizes: [8, 32], features: CONTROL, language: NUMBERED, refuses: [32] }, 16],
  ["subgroups of 128", { sizes: [128, 128], features: CONTROL, language: NUMBERED }, undefined],
  [
    "no size that the device grants",
    { sizes: [8, 64], features: CONTROL, language: NUMBERED, refuses: [64, 32, 16] },
    undefined,
  ],
  [
    "subgroups that nobody can ask for",
    { sizes: [32, 32], features: SUBGROUPS, language: NUMBERED },
    undefined,
  ],
  ["subgroups without numbers", { sizes: [32, 32], features: CONTROL }, undefined],
  ["subgroups that shaders cannot use", { sizes: [32, 32], language: NUMBERED }, undefined],
  ["no word of subgroups", { fallback: false }, undefined],
  ["no word of anything", {}, undefined],
];

describe("a device", () => {
  it.each(narrow)("is narrow, with the processor's cores: %s", async (_name, reported, subgroupSize) => {
    const { traits, asked } = await found(reported);
    expect(traits).toEqual({ narrow: true, subgroupSize, cores: 12, ...common });
    expect(asked).toEqual([]);
  });

  it.each(wide)(
    "is wide, and the processor's cores are not its own: %s",
    async (_name, reported, subgroupSize) => {
      const { traits } = await found(reported);
      expect(traits).toEqual({ narrow: false, subgroupSize, cores: undefined, ...common });
    },
  );

  it("is narrow where only an adapter of earlier drafts says that it is a fallback adapter", async () => {
    expect((await found({}, { info: {}, isFallbackAdapter: true })).traits.narrow).toBe(true);
    expect((await found({}, { info: {}, isFallbackAdapter: false })).traits.narrow).toBe(false);
  });

  it("that refuses all sizes stays usable", async () => {
    const { gpu } = engines;
    const errors: string[] = [];
    const onError = ({ error }: GPUUncapturedErrorEvent) => errors.push(error.message);
    gpu.device.addEventListener("uncapturederror", onError);
    const adapter = { info: { subgroupMinSize: 16, subgroupMaxSize: 64 } };
    const traits = await traitsOf(adapter, gpu.device, new Set(NUMBERED));
    expect(traits).toMatchObject({ narrow: false, subgroupSize: undefined });
    const buffer = gpu.buffer("after it", "f32", 2, Float32Array.of(1, 2));
    expect(await buffer.read()).toEqual(Float32Array.of(1, 2));
    gpu.device.removeEventListener("uncapturederror", onError);
    expect(errors).toEqual([]);
  });
});

/** What devices of several kinds offer to kernels, from what their adapters report. */
import { describe, expect, it } from "vitest";
import { traitsOf } from "../../src/runtime/gpu/traits.ts";

const limits = { maxComputeWorkgroupStorageSize: 32768, maxComputeInvocationsPerWorkgroup: 1024 };
const traits = (adapter: Parameters<typeof traitsOf>[0], features: readonly string[] = ["subgroups"]) =>
  traitsOf(adapter, { features: new Set(features), limits: limits as GPUSupportedLimits }, 12);

const sizes = (subgroupMinSize: number, subgroupMaxSize: number) => ({ subgroupMinSize, subgroupMaxSize });

describe("a device", () => {
  it.each([
    ["lavapipe in Node", traits({ info: { ...sizes(8, 8), isFallbackAdapter: true } }), 8],
    ["SwiftShader in Chromium", traits({ info: { ...sizes(4, 4), isFallbackAdapter: true } }), 4],
    // Deno reports the sizes, but its shaders have no subgroups.
    ["lavapipe in Deno", traits({ info: { ...sizes(8, 8), isFallbackAdapter: true } }, []), undefined],
    [
      "a fallback adapter with large subgroups",
      traits({ info: { ...sizes(32, 32), isFallbackAdapter: true } }),
      32,
    ],
    ["a fallback adapter of earlier drafts", traits({ info: {}, isFallbackAdapter: true }, []), undefined],
    ["subgroups of a vector unit, with no word of a fallback", traits({ info: sizes(8, 8) }), 8],
  ])("is narrow: %s", (_name, found, subgroupSize) => {
    expect(found).toEqual({
      narrow: true,
      subgroupSize,
      cores: 12,
      workgroupBytes: 32768,
      workgroupInvocations: 1024,
    });
  });

  it.each([
    ["subgroups of one size", traits({ info: { ...sizes(32, 32), isFallbackAdapter: false } }), 32],
    [
      "subgroups of sizes that vary from 8",
      traits({ info: { ...sizes(8, 32), isFallbackAdapter: false } }),
      undefined,
    ],
    ["subgroups of 32 or 64", traits({ info: sizes(32, 64) }), undefined],
    ["subgroups that shaders cannot use", traits({ info: sizes(32, 32) }, []), undefined],
    ["no word of subgroups", traits({ info: { isFallbackAdapter: false } }, []), undefined],
    ["an adapter of earlier drafts", traits({ info: {}, isFallbackAdapter: false }), undefined],
  ])("is wide, and the processor's cores are not its own: %s", (_name, found, subgroupSize) => {
    expect(found).toEqual({
      narrow: false,
      subgroupSize,
      cores: undefined,
      workgroupBytes: 32768,
      workgroupInvocations: 1024,
    });
  });
});

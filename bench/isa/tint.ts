/**
 * A process in which Dawn makes SPIR-V of WGSL, and prints it to stdout, as nothing else hands it out: started by
 * spirv.ts. Pipelines are made one after the other, so that their shaders are printed in order.
 */
import { create } from "webgpu";
import type { Source, TintReply } from "./spirv.ts";

/** Held to the end: Dawn's instance goes with the object. */
let gpu: GPU | undefined;

async function print(sources: readonly Source[]): Promise<void> {
  gpu = create(["enable-dawn-features=dump_shaders"]);
  const adapter = await gpu.requestAdapter();
  if (!adapter)
    throw new Error("WebGPU has no adapter here; `node scripts/setup.mjs --for train` installs one");
  const limits = [
    "maxComputeWorkgroupStorageSize",
    "maxComputeInvocationsPerWorkgroup",
    "maxComputeWorkgroupSizeX",
    "maxComputeWorkgroupSizeY",
    "maxComputeWorkgroupSizeZ",
    "maxStorageBuffersPerShaderStage",
  ] as const;
  const device = await adapter.requestDevice({
    requiredFeatures: (["subgroups", "shader-f16"] as const).filter((name) => adapter.features.has(name)),
    requiredLimits: Object.fromEntries(limits.map((name) => [name, adapter.limits[name]])),
  });
  for (const { name, code, entryPoint } of sources) {
    const module = device.createShaderModule({ code });
    await device
      .createComputePipelineAsync({ layout: "auto", compute: { module, entryPoint } })
      .catch((error) => {
        throw new Error(`${name}: ${error.message}`);
      });
  }
  device.destroy();
}

process.once("message", (sources: readonly Source[]) => {
  const end = (reply: TintReply) =>
    process.send?.(reply, () => process.exit(reply.error === undefined ? 0 : 1));
  print(sources).then(
    () => end({}),
    (error: Error) => end({ error: error.message }),
  );
});

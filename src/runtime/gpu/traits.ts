/** What a device offers to kernels. The traits come from abilities that WebGPU reports, never from a device's name. */
import type { DeviceTraits } from "../../kernels/kernel.ts";

/** Subgroups up to this size are usually vector units of processors. */
const NARROW_SUBGROUP = 8;

/** Properties of an adapter that some implementations of WebGPU lack, or had at another place. */
interface AdapterAbilities {
  readonly info: Partial<Pick<GPUAdapterInfo, "subgroupMinSize" | "subgroupMaxSize" | "isFallbackAdapter">>;
  /** Where implementations of earlier drafts have the property. */
  readonly isFallbackAdapter?: boolean;
}

/**
 * The traits of a device that was opened on `adapter`.
 * @param cores number of the host's processor cores, which are those of a software adapter
 */
export function traitsOf(
  { info, isFallbackAdapter }: AdapterAbilities,
  { features, limits }: Pick<GPUDevice, "features" | "limits">,
  cores?: number,
): DeviceTraits {
  const { subgroupMinSize = 0, subgroupMaxSize = 0 } = info;
  // An adapter can report sizes without offering subgroups to shaders, as Deno's does.
  const fewLanes = subgroupMaxSize > 0 && subgroupMaxSize <= NARROW_SUBGROUP;
  const narrow = fewLanes || (info.isFallbackAdapter ?? isFallbackAdapter ?? false);
  const oneSize = features.has("subgroups") && subgroupMinSize === subgroupMaxSize && subgroupMinSize > 0;
  return {
    narrow,
    subgroupSize: oneSize ? subgroupMinSize : undefined,
    cores: narrow ? cores : undefined,
    workgroupBytes: limits.maxComputeWorkgroupStorageSize,
    workgroupInvocations: limits.maxComputeInvocationsPerWorkgroup,
  };
}

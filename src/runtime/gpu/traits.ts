/** What a device offers to kernels. The traits come from abilities that WebGPU reports, never from a device's name. */
import type { DeviceTraits } from "../../kernels/kernel.ts";
import type { ImmediatesDevice } from "./immediates.ts";
import { scoped } from "./scopes.ts";

/** Subgroups up to this size are usually vector units of processors. */
const NARROW_SUBGROUP = 8;
/**
 * Invocations of the subgroups that wide devices are asked for, the best first: a workgroup of most kernels is one such
 * subgroup, or a few.
 */
const WANTED_SUBGROUPS = [64, 32, 16];

/** Properties of an adapter that some implementations of WebGPU lack, or have at another place. */
export interface AdapterAbilities {
  readonly info: Partial<Pick<GPUAdapterInfo, "subgroupMinSize" | "subgroupMaxSize" | "isFallbackAdapter">>;
  /** Where implementations of earlier drafts have the property. */
  readonly isFallbackAdapter?: boolean;
}

type Device = Pick<GPUDevice, "features" | "limits" | "createShaderModule" | "createComputePipelineAsync"> &
  ImmediatesDevice;

/**
 * The traits of a device that was opened on `adapter`.
 * @param language features of WGSL
 * @param cores number of the host's processor cores, which are those of a software adapter
 */
export async function traitsOf(
  { info, isFallbackAdapter }: AdapterAbilities,
  device: Device,
  language: ReadonlySet<string>,
  cores?: number,
): Promise<DeviceTraits> {
  const { features, limits } = device;
  const { subgroupMinSize: least = 0, subgroupMaxSize: most = 0 } = info;
  // An adapter can report sizes without offering subgroups to shaders, as Deno's does.
  const fewLanes = most > 0 && most <= NARROW_SUBGROUP;
  const narrow = fewLanes || (info.isFallbackAdapter ?? isFallbackAdapter ?? false);
  const known = features.has("subgroups") && least > 0;
  let subgroupSize: number | undefined;
  if (known && narrow && least === most) subgroupSize = least;
  if (known && !narrow && language.has("subgroup_id")) subgroupSize = await askedFor(device, least, most);
  return {
    narrow,
    subgroupSize,
    cores: narrow ? cores : undefined,
    workgroupBytes: limits.maxComputeWorkgroupStorageSize,
    workgroupInvocations: limits.maxComputeInvocationsPerWorkgroup,
    immediates: language.has("immediate_address_space") && (await grantsImmediates(device)),
  };
}

/** Whether the device has immediates; asked by a module of its own, because many devices are not. */
async function grantsImmediates(device: Device): Promise<boolean> {
  return (await import("./immediates.ts")).hasImmediates(device);
}

/** The size of subgroups that pipelines can best ask for; undefined where they can ask for none. */
async function askedFor(device: Device, least: number, most: number): Promise<number | undefined> {
  if (!device.features.has("subgroup-size-control")) return undefined;
  for (const size of WANTED_SUBGROUPS.filter((size) => least <= size && size <= most)) {
    if (await grants(device, size)) return size;
  }
  return undefined;
}

/** Whether a pipeline gets subgroups of that size: a device may refuse sizes between its least and its most. */
function grants(device: Device, size: number): Promise<boolean> {
  const label = `subgroups of ${size}`;
  const code = `enable subgroups;
enable subgroup_size_control;

@compute @workgroup_size(${size}) @subgroup_size(${size})
fn probe(@builtin(subgroup_id) subgroup: u32) {
}
`;
  const { value, error } = scoped(device, () => {
    const module = device.createShaderModule({ label, code });
    return device.createComputePipelineAsync({ label, layout: "auto", compute: { module } });
  });
  return Promise.all([value, error]).then(
    ([pipeline, refused]) => pipeline !== undefined && !refused,
    () => false,
  );
}

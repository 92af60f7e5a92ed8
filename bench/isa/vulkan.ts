/**
 * The part of Vulkan that compiles a compute pipeline and asks the driver about its code, with the layouts of its
 * structures as the specification gives them (https://registry.khronos.org/vulkan/specs/latest/html/vkspec.html).
 */
import koffi, { type TypeObject } from "koffi";

/** A structure's `sType`. */
const TYPES = {
  VkApplicationInfo: 0,
  VkInstanceCreateInfo: 1,
  VkDeviceQueueCreateInfo: 2,
  VkDeviceCreateInfo: 3,
  VkShaderModuleCreateInfo: 16,
  VkPipelineShaderStageCreateInfo: 18,
  VkComputePipelineCreateInfo: 29,
  VkPipelineLayoutCreateInfo: 30,
  VkDescriptorSetLayoutCreateInfo: 32,
  VkPhysicalDeviceVulkan11Features: 49,
  VkPhysicalDeviceVulkan12Features: 51,
  VkPhysicalDeviceVulkan13Features: 53,
  VkPhysicalDeviceFeatures2: 1000059000,
  VkPhysicalDeviceProperties2: 1000059001,
  VkPhysicalDeviceDriverProperties: 1000196000,
  VkPhysicalDeviceSubgroupSizeControlProperties: 1000225000,
  VkPipelineShaderStageRequiredSubgroupSizeCreateInfo: 1000225001,
  VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR: 1000269000,
  VkPipelineInfoKHR: 1000269001,
  VkPipelineExecutablePropertiesKHR: 1000269002,
  VkPipelineExecutableInfoKHR: 1000269003,
  VkPipelineExecutableStatisticKHR: 1000269004,
  VkPipelineExecutableInternalRepresentationKHR: 1000269005,
  VkPhysicalDeviceRobustness2FeaturesEXT: 1000286000,
} as const;

type Struct = keyof typeof TYPES;

/** A structure that begins with `sType` and `pNext`. */
function chained(name: Struct, members: Readonly<Record<string, string | TypeObject>>): void {
  koffi.struct(name, { sType: "uint32", pNext: "void *", ...members });
}

/** That many `VkBool32`, one after the other. */
const booleans = (count: number) => ({ booleans: koffi.array("uint32", count) });
/** A name and a description, in UTF-8. */
const TEXTS = { name: koffi.array("char", 256), description: koffi.array("char", 256) };

chained("VkApplicationInfo", {
  pApplicationName: "char *",
  applicationVersion: "uint32",
  pEngineName: "char *",
  engineVersion: "uint32",
  apiVersion: "uint32",
});
chained("VkInstanceCreateInfo", {
  flags: "uint32",
  pApplicationInfo: "VkApplicationInfo *",
  enabledLayerCount: "uint32",
  ppEnabledLayerNames: "char **",
  enabledExtensionCount: "uint32",
  ppEnabledExtensionNames: "char **",
});
chained("VkDeviceQueueCreateInfo", {
  flags: "uint32",
  queueFamilyIndex: "uint32",
  queueCount: "uint32",
  pQueuePriorities: "float *",
});
chained("VkDeviceCreateInfo", {
  flags: "uint32",
  queueCreateInfoCount: "uint32",
  pQueueCreateInfos: "VkDeviceQueueCreateInfo *",
  enabledLayerCount: "uint32",
  ppEnabledLayerNames: "char **",
  enabledExtensionCount: "uint32",
  ppEnabledExtensionNames: "char **",
  pEnabledFeatures: "void *",
});
chained("VkShaderModuleCreateInfo", { flags: "uint32", codeSize: "size_t", pCode: "void *" });
chained("VkPipelineShaderStageCreateInfo", {
  flags: "uint32",
  stage: "uint32",
  module: "uint64",
  pName: "char *",
  pSpecializationInfo: "void *",
});
chained("VkComputePipelineCreateInfo", {
  flags: "uint32",
  stage: "VkPipelineShaderStageCreateInfo",
  layout: "uint64",
  basePipelineHandle: "uint64",
  basePipelineIndex: "int32",
});
koffi.struct("VkPushConstantRange", { stageFlags: "uint32", offset: "uint32", size: "uint32" });
chained("VkPipelineLayoutCreateInfo", {
  flags: "uint32",
  setLayoutCount: "uint32",
  pSetLayouts: "uint64 *",
  pushConstantRangeCount: "uint32",
  pPushConstantRanges: "VkPushConstantRange *",
});
koffi.struct("VkDescriptorSetLayoutBinding", {
  binding: "uint32",
  descriptorType: "uint32",
  descriptorCount: "uint32",
  stageFlags: "uint32",
  pImmutableSamplers: "void *",
});
chained("VkDescriptorSetLayoutCreateInfo", {
  flags: "uint32",
  bindingCount: "uint32",
  pBindings: "VkDescriptorSetLayoutBinding *",
});
chained("VkPhysicalDeviceFeatures2", booleans(55));
chained("VkPhysicalDeviceVulkan11Features", booleans(12));
chained("VkPhysicalDeviceVulkan12Features", booleans(47));
chained("VkPhysicalDeviceVulkan13Features", booleans(15));
chained("VkPhysicalDeviceRobustness2FeaturesEXT", booleans(3));
chained("VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR", booleans(1));
chained("VkPhysicalDeviceProperties2", {
  numbers: koffi.array("uint32", 5),
  deviceName: koffi.array("char", 256),
  pipelineCacheUUID: koffi.array("uint8", 16),
  limits: koffi.array("uint64", 63),
  sparseProperties: koffi.array("uint32", 5),
});
chained("VkPhysicalDeviceDriverProperties", {
  driverID: "uint32",
  driverName: koffi.array("char", 256),
  driverInfo: koffi.array("char", 256),
  conformanceVersion: koffi.array("uint8", 4),
});
chained("VkPhysicalDeviceSubgroupSizeControlProperties", {
  minSubgroupSize: "uint32",
  maxSubgroupSize: "uint32",
  maxComputeWorkgroupSubgroups: "uint32",
  requiredSubgroupSizeStages: "uint32",
});
chained("VkPipelineShaderStageRequiredSubgroupSizeCreateInfo", { requiredSubgroupSize: "uint32" });
chained("VkPipelineInfoKHR", { pipeline: "uint64" });
chained("VkPipelineExecutableInfoKHR", { pipeline: "uint64", executableIndex: "uint32" });
chained("VkPipelineExecutablePropertiesKHR", { stages: "uint32", ...TEXTS, subgroupSize: "uint32" });
chained("VkPipelineExecutableStatisticKHR", { ...TEXTS, format: "uint32", value: "uint64" });
chained("VkPipelineExecutableInternalRepresentationKHR", {
  ...TEXTS,
  isText: "uint32",
  dataSize: "size_t",
  pData: "void *",
});

/** Values of the specification's enumerations. */
export const VK = {
  apiVersion13: (1 << 22) | (3 << 12),
  descriptorTypeUniformBuffer: 6,
  descriptorTypeStorageBuffer: 7,
  shaderStageCompute: 0x20,
  pipelineCreateCaptureStatistics: 0x40,
  pipelineCreateCaptureInternalRepresentations: 0x80,
} as const;

/** A structure for a call: its members, its `sType`, and the address of the structure that follows. */
export function structure(type: Struct, members: Readonly<Record<string, unknown>>, next?: Chained) {
  return { sType: TYPES[type], pNext: next?.address ?? null, ...members };
}

/** A structure, or several in a row, that the driver fills: in memory of its own, all zero but for `sType`. */
export class Chained {
  /** Lives as long as the process. */
  readonly address: bigint;
  readonly #size: number;

  constructor(
    readonly type: Struct,
    { count = 1, next }: { readonly count?: number; readonly next?: Chained } = {},
  ) {
    this.#size = koffi.sizeof(type);
    this.address = koffi.alloc(type, count);
    new Uint8Array(koffi.view(this.address, this.#size * count)).fill(0);
    for (let i = 0; i < count; i++) this.set("sType", "uint32", TYPES[type], i);
    if (next) this.set("pNext", "void *", next.address);
  }

  set(member: string, type: string, value: number | bigint, index = 0): void {
    koffi.encode(this.address, index * this.#size + koffi.offsetof(this.type, member), type, value);
  }

  read<T>(index = 0): T {
    return koffi.decode(this.address, index * this.#size, this.type);
  }
}

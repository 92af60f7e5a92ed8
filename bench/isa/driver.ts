/**
 * A process that compiles SPIR-V with the Vulkan driver at hand, and tells its machine code: started by compile.ts,
 * which chooses the driver and its device through the environment. Nothing runs on the device.
 */
import koffi from "koffi";
import type { Compiled, DriverReply, Module } from "./compile.ts";
import { Chained, structure, VK } from "./vulkan.ts";

const library = koffi.load("libvulkan.so.1");
const createInstance = library.func(
  "int vkCreateInstance(VkInstanceCreateInfo *info, void *allocator, _Out_ void **instance)",
);
const enumeratePhysicalDevices = library.func(
  "int vkEnumeratePhysicalDevices(void *instance, _Inout_ uint32 *count, _Out_ void **devices)",
);
const getProperties = library.func("void vkGetPhysicalDeviceProperties2(void *device, void *properties)");
const getFeatures = library.func("void vkGetPhysicalDeviceFeatures2(void *device, void *features)");
const createDevice = library.func(
  "int vkCreateDevice(void *physical, VkDeviceCreateInfo *info, void *allocator, _Out_ void **device)",
);
const getDeviceFunction = library.func("void *vkGetDeviceProcAddr(void *device, char *name)");

/** Returns the value that a call writes behind its last argument. @throws Error where the call fails */
function created<T>(what: string, call: (result: [T | null]) => number): T {
  const result: [T | null] = [null];
  const code = call(result);
  if (code !== 0 || result[0] === null) throw new Error(`${what} gave nothing, with Vulkan's result ${code}`);
  return result[0];
}

function openPhysicalDevice(): bigint {
  const pApplicationInfo = structure("VkApplicationInfo", {
    pApplicationName: null,
    applicationVersion: 0,
    pEngineName: null,
    engineVersion: 0,
    apiVersion: VK.apiVersion13,
  });
  const info = structure("VkInstanceCreateInfo", {
    flags: 0,
    pApplicationInfo,
    enabledLayerCount: 0,
    ppEnabledLayerNames: null,
    enabledExtensionCount: 0,
    ppEnabledExtensionNames: null,
  });
  const instance = created<bigint>("vkCreateInstance", (result) => createInstance(info, null, result));
  const devices: [bigint | null] = [null];
  enumeratePhysicalDevices(instance, [1], devices);
  if (devices[0] === null)
    throw new Error("this version of Mesa does not know the family; install a newer one");
  return devices[0];
}

interface SubgroupSizes {
  readonly minSubgroupSize: number;
  readonly maxSubgroupSize: number;
}

/** The device's name with the driver's, and the sizes of its subgroups. */
function identify(physical: bigint) {
  const driver = new Chained("VkPhysicalDeviceDriverProperties");
  const sizes = new Chained("VkPhysicalDeviceSubgroupSizeControlProperties", { next: driver });
  const properties = new Chained("VkPhysicalDeviceProperties2", { next: sizes });
  getProperties(physical, properties.address);
  const { deviceName } = properties.read<{ deviceName: string }>();
  const { driverInfo } = driver.read<{ driverInfo: string }>();
  return { name: deviceName, driver: driverInfo, sizes: sizes.read<SubgroupSizes>() };
}

/** A device with all features, as Dawn opens its devices: robustBufferAccess2 decides which loads merge. */
function openDevice(physical: bigint): bigint {
  const executables = new Chained("VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR");
  const robustness = new Chained("VkPhysicalDeviceRobustness2FeaturesEXT", { next: executables });
  const vulkan12 = new Chained("VkPhysicalDeviceVulkan12Features", { next: robustness });
  const vulkan13 = new Chained("VkPhysicalDeviceVulkan13Features", { next: vulkan12 });
  const vulkan11 = new Chained("VkPhysicalDeviceVulkan11Features", { next: vulkan13 });
  const features = new Chained("VkPhysicalDeviceFeatures2", { next: vulkan11 });
  getFeatures(physical, features.address);
  const queue = structure("VkDeviceQueueCreateInfo", {
    flags: 0,
    queueFamilyIndex: 0,
    queueCount: 1,
    pQueuePriorities: [1],
  });
  const extensions = ["VK_KHR_pipeline_executable_properties", "VK_EXT_robustness2"];
  const info = structure(
    "VkDeviceCreateInfo",
    {
      flags: 0,
      queueCreateInfoCount: 1,
      pQueueCreateInfos: [queue],
      enabledLayerCount: 0,
      ppEnabledLayerNames: null,
      enabledExtensionCount: extensions.length,
      ppEnabledExtensionNames: extensions,
      pEnabledFeatures: null,
    },
    features,
  );
  return created<bigint>("vkCreateDevice", (result) => createDevice(physical, info, null, result));
}

/** Compiles on one device. */
class Compiler {
  readonly #functions = new Map<string, (...args: unknown[]) => number>();

  constructor(
    readonly device: bigint,
    readonly sizes: SubgroupSizes,
  ) {}

  /** Calls a function of the device, declared as in C but for its name's "vk…" and its first argument, the device. */
  #call(name: string, parameters: string, ...args: unknown[]): number {
    let found = this.#functions.get(name);
    if (!found) {
      const address = getDeviceFunction(this.device, name);
      if (!address) throw new Error(`the driver has no ${name}`);
      found = koffi.decode(address, koffi.proto(`int ${name}(void *device, ${parameters})`)) as never;
      this.#functions.set(name, found as never);
    }
    return (found as (...args: unknown[]) => number)(this.device, ...args);
  }

  /** @throws Error where the driver refuses the module */
  compile(module: Module): Compiled {
    const pipeline = this.#pipeline(module);
    const of = structure("VkPipelineInfoKHR", { pipeline });
    const executable = new Chained("VkPipelineExecutablePropertiesKHR");
    this.#call(
      "vkGetPipelineExecutablePropertiesKHR",
      "VkPipelineInfoKHR *pipeline, _Inout_ uint32 *count, void *executables",
      of,
      [1],
      executable.address,
    );
    return {
      wave: executable.read<{ subgroupSize: number }>().subgroupSize,
      statistics: this.#statistics(pipeline),
      assembly: this.#assembly(pipeline),
    };
  }

  #pipeline({ spirv, entryPoint, memory, constantBytes, subgroupSize }: Module): bigint {
    const handle = (name: string, type: string, info: object) =>
      created<bigint>(name, (result) =>
        this.#call(name, `${type} *info, void *allocator, _Out_ uint64 *result`, info, null, result),
      );
    const sets = Math.max(-1, ...memory.map(({ set }) => set)) + 1;
    const pSetLayouts = Array.from({ length: sets }, (_, set) => {
      const pBindings = memory
        .filter((one) => one.set === set)
        .map(({ binding, uniform }) => ({
          binding,
          descriptorType: uniform ? VK.descriptorTypeUniformBuffer : VK.descriptorTypeStorageBuffer,
          descriptorCount: 1,
          stageFlags: VK.shaderStageCompute,
          pImmutableSamplers: null,
        }));
      const info = { flags: 0, bindingCount: pBindings.length, pBindings };
      return handle(
        "vkCreateDescriptorSetLayout",
        "VkDescriptorSetLayoutCreateInfo",
        structure("VkDescriptorSetLayoutCreateInfo", info),
      );
    });
    const pPushConstantRanges =
      constantBytes > 0 ? [{ stageFlags: VK.shaderStageCompute, offset: 0, size: constantBytes }] : [];
    const layout = handle(
      "vkCreatePipelineLayout",
      "VkPipelineLayoutCreateInfo",
      structure("VkPipelineLayoutCreateInfo", {
        flags: 0,
        setLayoutCount: sets,
        pSetLayouts,
        pushConstantRangeCount: pPushConstantRanges.length,
        pPushConstantRanges,
      }),
    );
    const code = structure("VkShaderModuleCreateInfo", { flags: 0, codeSize: spirv.length, pCode: spirv });
    const module = handle("vkCreateShaderModule", "VkShaderModuleCreateInfo", code);
    const info = structure("VkComputePipelineCreateInfo", {
      flags: VK.pipelineCreateCaptureStatistics | VK.pipelineCreateCaptureInternalRepresentations,
      stage: structure(
        "VkPipelineShaderStageCreateInfo",
        { flags: 0, stage: VK.shaderStageCompute, module, pName: entryPoint, pSpecializationInfo: null },
        this.#requiredSize(subgroupSize),
      ),
      layout,
      basePipelineHandle: 0,
      basePipelineIndex: -1,
    });
    return created<bigint>("vkCreateComputePipelines", (result) =>
      this.#call(
        "vkCreateComputePipelines",
        "uint64 cache, uint32 count, VkComputePipelineCreateInfo *infos, void *allocator, _Out_ uint64 *pipelines",
        0,
        1,
        info,
        null,
        result,
      ),
    );
  }

  /** The size that the shader asks for, where this device has it. */
  #requiredSize(size: number | undefined): Chained | undefined {
    const { minSubgroupSize, maxSubgroupSize } = this.sizes;
    if (size === undefined || size < minSubgroupSize || size > maxSubgroupSize) return undefined;
    const required = new Chained("VkPipelineShaderStageRequiredSubgroupSizeCreateInfo");
    required.set("requiredSubgroupSize", "uint32", size);
    return required;
  }

  #statistics(pipeline: bigint): Record<string, number> {
    const of = structure("VkPipelineExecutableInfoKHR", { pipeline, executableIndex: 0 });
    const parameters = "VkPipelineExecutableInfoKHR *executable, _Inout_ uint32 *count, void *statistics";
    const count = [0];
    this.#call("vkGetPipelineExecutableStatisticsKHR", parameters, of, count, null);
    const all = new Chained("VkPipelineExecutableStatisticKHR", { count: count[0] });
    this.#call("vkGetPipelineExecutableStatisticsKHR", parameters, of, count, all.address);
    return Object.fromEntries(
      Array.from({ length: count[0] }, (_, i) => {
        const { name, value } = all.read<{ name: string; value: number | bigint }>(i);
        return [name, Number(value)];
      }),
    );
  }

  /** The disassembly; empty where the driver cannot disassemble for this device. */
  #assembly(pipeline: bigint): string {
    const name = "vkGetPipelineExecutableInternalRepresentationsKHR";
    const of = structure("VkPipelineExecutableInfoKHR", { pipeline, executableIndex: 0 });
    const parameters =
      "VkPipelineExecutableInfoKHR *executable, _Inout_ uint32 *count, void *representations";
    const count = [0];
    this.#call(name, parameters, of, count, null);
    const all = new Chained("VkPipelineExecutableInternalRepresentationKHR", {
      count: Math.max(1, count[0]),
    });
    this.#call(name, parameters, of, count, all.address);
    for (let i = 0; i < count[0]; i++) {
      const { dataSize } = all.read<{ dataSize: number | bigint }>(i);
      all.set("pData", "void *", koffi.alloc("uint8", Math.max(1, Number(dataSize))), i);
    }
    this.#call(name, parameters, of, count, all.address);
    for (let i = 0; i < count[0]; i++) {
      const { name, dataSize, pData } = all.read<{ name: string; dataSize: number; pData: bigint }>(i);
      const bytes = Buffer.from(koffi.view(pData, Number(dataSize)));
      const text = bytes.toString("utf8").replace(/\0+$/, "");
      if (name === "Assembly") return /^BB\d+:/m.test(text) ? text : "";
    }
    return "";
  }
}

/** Resolves when the message is on its way. */
function reply(message: DriverReply): Promise<void> {
  return new Promise((resolve) => process.send?.(message, () => resolve()));
}

async function compileAll(modules: readonly Module[]): Promise<void> {
  const physical = openPhysicalDevice();
  const { name, driver, sizes } = identify(physical);
  await reply({ name, driver });
  const compiler = new Compiler(openDevice(physical), sizes);
  for (const module of modules) await reply({ compiled: compiler.compile(module) });
}

process.once("message", (modules: readonly Module[]) => {
  compileAll(modules)
    .catch((error: Error) => reply({ error: error.message }))
    .finally(() => process.disconnect());
});

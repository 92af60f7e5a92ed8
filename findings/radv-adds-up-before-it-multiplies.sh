#!/usr/bin/env bash
# AMD's RADV adds up first and multiplies once where WGSL says s = fma(x[i], y, s) eight times; s = x[i] * y + s it leaves in order.
#
# mesa-vulkan-drivers 25.0.7 of Debian 12 for RDNA 3, RDNA 2 and GCN 5 (null hardware: pipelines are compiled, nothing runs), WGSL by
# Dawn's Tint as in webgpu 0.6.2. Of the two, fma is the one that people write to pin an order of rounding down. On RDNA the driver
# factors steps of fma that have a factor in common: eight of them become seven additions and one multiply-add, which rounds
# otherwise, and overflows where the sum of x does. The same loop with a product and a sum becomes eight multiply-adds, in order,
# if s begins with a value from memory; if it begins with 0, either form is factored. On GCN 5 fma stays as well, from memory.
# So two kernels that "both use fma in the order of k" need not agree in their last bits on such a device.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get install -y --no-install-recommends spirv-tools libvulkan1 mesa-vulkan-drivers=25.0.7-2~bpo12+1 >install.log 2>&1 || { cat install.log; exit 1; }
npm init -y >init.log
npm install --no-audit --no-fund webgpu@0.6.2 >install.log 2>&1 || { cat install.log; exit 1; }
cat >spirv.mjs <<'END'
import { create } from "webgpu";

// Held to the end: Dawn's instance goes with the object.
globalThis.gpu = create(["enable-dawn-features=dump_shaders"]);
const device = await (await gpu.requestAdapter()).requestDevice();
const code = `
  @group(0) @binding(0) var<storage, read> x: array<f32>;
  @group(0) @binding(1) var<storage, read_write> out: array<f32>;
  @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let y = x[id.x];
    var s = ${process.argv[2]};
    for (var i = 0u; i < 8u; i++) { s = ${process.argv[3]}; }
    out[id.x] = s;
  }`;
await device.createComputePipelineAsync({ layout: "auto", compute: { module: device.createShaderModule({ code }) } });
await new Promise((resolve) => setTimeout(resolve, 100));
device.destroy();
process.exit(0);
END
cat >compile.py <<'END'
"""Creates a compute pipeline of a SPIR-V file: the driver prints the machine code. Structures are written as bytes."""
import ctypes
import struct
import sys

vulkan = ctypes.CDLL("libvulkan.so.1")
kept = []


def at(data):
    """Address of a copy of the bytes."""
    kept.append(ctypes.create_string_buffer(data, len(data)))
    return ctypes.addressof(kept[-1])


def structure(kind, form, *values, after=0):
    """sType, pNext, and the members as struct.pack's form has them, at their natural places."""
    return struct.pack("@IQ" + form + "0Q", kind, after, *values)


def made(function, *arguments):
    handle = ctypes.c_uint64()
    status = getattr(vulkan, function)(*(ctypes.c_uint64(one) for one in arguments), ctypes.byref(handle))
    if status != 0:
        sys.exit(f"{function}: {status}")
    return handle.value


code = open(sys.argv[1], "rb").read()
application = structure(0, "QIQII", 0, 0, 0, 0, 1 << 22 | 3 << 12)
instance = made("vkCreateInstance", at(structure(1, "IQIQIQ", 0, at(application), 0, 0, 0, 0)), 0)
count, physical = ctypes.c_uint32(1), ctypes.c_uint64()
vulkan.vkEnumeratePhysicalDevices(ctypes.c_uint64(instance), ctypes.byref(count), ctypes.byref(physical))
queue = structure(2, "IIIQ", 0, 0, 1, at(struct.pack("f", 1)))
# All features that the driver has of Vulkan 1.2: the memory model of Tint's SPIR-V is one of them.
features = at(structure(51, "47I", *[0] * 47))
vulkan.vkGetPhysicalDeviceFeatures2(physical, ctypes.c_uint64(at(structure(1000059000, "55I", *[0] * 55, after=features))))
device = made("vkCreateDevice", physical.value, at(structure(3, "IIQIQIQQ", 0, 1, at(queue), 0, 0, 0, 0, 0, after=features)), 0)
bindings = b"".join(struct.pack("IIIIQ", binding, 7, 1, 0x20, 0) for binding in (0, 1))
layout = made("vkCreateDescriptorSetLayout", device, at(structure(32, "IIQ", 0, 2, at(bindings))), 0)
pipelines = made("vkCreatePipelineLayout", device, at(structure(30, "IIQIQ", 0, 1, at(struct.pack("Q", layout)), 0, 0)), 0)
module = made("vkCreateShaderModule", device, at(structure(16, "IQQ", 0, len(code), at(code))), 0)
stage = structure(18, "IIQQQ", 0, 0x20, module, at(b"dawn_entry_point\0"), 0)
pipeline = structure(29, "I", 0) + stage + struct.pack("QQi0Q", pipelines, 0, 0)
made("vkCreateComputePipelines", device, 0, 1, at(pipeline), 0)
END
radv=$(ls /usr/share/vulkan/icd.d/radeon_icd*.json | head -1)
for start in "out[id.x]" "0.0"; do
  for step in "fma(x[i + 64u], y, s)" "x[i + 64u] * y + s"; do
    node spirv.mjs "$start" "$step" 2>errors.txt | sed -n '/Dumped SPIRV disassembly/,/^\/\/ Dumped/p' |
      grep -vE "Dumped|MaximallyReconverges|maximal_reconvergence" >module.spvasm
    spirv-as --target-env vulkan1.3 module.spvasm -o module.spv
    for family in navi31 navi21 vega10; do
      env VK_ICD_FILENAMES="$radv" VK_DRIVER_FILES="$radv" RADV_FORCE_FAMILY=$family RADV_DEBUG=shaders,nocache \
        python3 compile.py module.spv >code.txt 2>&1 || { tail -3 code.txt; exit 1; }
      sed -n '/^disasm:/,$p' code.txt >assembly.txt
      count() { grep -cE "^\s+v_(dual_)?$1_f32" assembly.txt || true; }
      echo "s = $start; $step: $family $(count add) additions, $(count '(fma|fmac|mac)') multiply-adds"
    done
  done
done >seen.txt
cat >expected.txt <<'END'
s = out[id.x]; fma(x[i + 64u], y, s): navi31 7 additions, 1 multiply-adds
s = out[id.x]; fma(x[i + 64u], y, s): navi21 7 additions, 1 multiply-adds
s = out[id.x]; fma(x[i + 64u], y, s): vega10 0 additions, 8 multiply-adds
s = out[id.x]; x[i + 64u] * y + s: navi31 0 additions, 8 multiply-adds
s = out[id.x]; x[i + 64u] * y + s: navi21 0 additions, 8 multiply-adds
s = out[id.x]; x[i + 64u] * y + s: vega10 0 additions, 8 multiply-adds
s = 0.0; fma(x[i + 64u], y, s): navi31 7 additions, 0 multiply-adds
s = 0.0; fma(x[i + 64u], y, s): navi21 7 additions, 0 multiply-adds
s = 0.0; fma(x[i + 64u], y, s): vega10 7 additions, 0 multiply-adds
s = 0.0; x[i + 64u] * y + s: navi31 7 additions, 0 multiply-adds
s = 0.0; x[i + 64u] * y + s: navi21 7 additions, 0 multiply-adds
s = 0.0; x[i + 64u] * y + s: vega10 7 additions, 0 multiply-adds
END
cat seen.txt
diff expected.txt seen.txt

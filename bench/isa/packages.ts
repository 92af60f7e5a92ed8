/** Whether the system has what compiles for AMD's GPUs. */
import { findCompilers } from "../../scripts/packages.mjs";

/**
 * The file by which the Vulkan loader finds Mesa's driver RADV.
 * @throws Error naming what is missing, with the command that installs it
 */
export function radvManifest(
  { assembler, radv }: ReturnType<typeof findCompilers> = findCompilers(),
  platform: string = process.platform,
): string {
  if (platform !== "linux") {
    throw new Error(
      `isa compiles with RADV (Mesa's driver for AMD's GPUs), which exists on Linux; this is ${platform}. --wgsl FOLDER writes the shaders here, and isa FOLDER compiles them there`,
    );
  }
  if (assembler && radv) return radv;
  const missing = [
    ...(assembler ? [] : ["spirv-as (of SPIRV-Tools)"]),
    ...(radv ? [] : ["RADV (Mesa's driver for AMD's GPUs)"]),
  ];
  throw new Error(
    `isa compiles with ${missing.join(" and ")}; install with: node scripts/setup.mjs --for isa`,
  );
}

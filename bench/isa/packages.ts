/** What the system must have to compile for AMD's GPUs, and the command that installs it. */
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

const MANIFEST_FOLDERS = ["/usr/share/vulkan/icd.d", "/usr/local/share/vulkan/icd.d", "/etc/vulkan/icd.d"];
const MANIFESTS = ["radeon_icd.json", "radeon_icd.x86_64.json", "radeon_icd.aarch64.json"];

/** What is asked of the system; tests give others. */
export interface System {
  readonly platform: string;
  readonly exists: (path: string) => boolean;
  readonly path: string;
}

const HERE: System = { platform: process.platform, exists: existsSync, path: process.env.PATH ?? "" };

/**
 * The file by which the Vulkan loader finds RADV.
 * @throws Error naming what is missing, with the command that installs it
 */
export function radvManifest({ platform, exists, path }: System = HERE): string {
  if (platform !== "linux") {
    throw new Error(
      `isa compiles with Mesa's driver RADV, which exists on Linux only; this is ${platform}. --wgsl writes the shaders on any system`,
    );
  }
  const onPath = (name: string) =>
    path
      .split(delimiter)
      .filter(Boolean)
      .some((folder) => exists(join(folder, name)));
  const manifest = MANIFEST_FOLDERS.flatMap((folder) => MANIFESTS.map((name) => join(folder, name))).find(
    exists,
  );
  const missing = [
    ...(onPath("spirv-as") ? [] : ["spirv-as"]),
    ...(manifest === undefined ? ["Mesa's Vulkan driver RADV"] : []),
  ];
  if (manifest !== undefined && missing.length === 0) return manifest;
  throw new Error(`isa needs ${missing.join(" and ")}; ${installing(onPath)}`);
}

function installing(onPath: (name: string) => boolean): string {
  if (onPath("apt-get"))
    return "install with: apt-get install spirv-tools mesa-vulkan-drivers libvulkan1 (Debian 12: of its backports, with -t bookworm-backports)";
  if (onPath("dnf")) return "install with: dnf install spirv-tools mesa-vulkan-drivers vulkan-loader";
  if (onPath("pacman")) return "install with: pacman -S spirv-tools vulkan-radeon vulkan-icd-loader";
  return "install SPIRV-Tools, Mesa's Vulkan drivers and the Vulkan loader";
}

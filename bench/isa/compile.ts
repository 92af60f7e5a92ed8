/**
 * SPIR-V → machine code of AMD's GPUs, by Mesa's driver RADV. No such GPU is needed: where the environment names a
 * family, the driver offers null hardware, on which pipelines are compiled and nothing runs.
 */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";

/** A buffer that a shader binds. */
export interface Memory {
  readonly set: number;
  readonly binding: number;
  readonly uniform: boolean;
}

export interface Module {
  readonly spirv: Uint8Array;
  readonly entryPoint: string;
  readonly memory: readonly Memory[];
  /** Bytes of push constants. */
  readonly constantBytes: number;
  /** Invocations of a subgroup, where the shader asks for a size. */
  readonly subgroupSize?: number;
}

export interface Compiled {
  /** Lanes of a wave. */
  readonly wave: number;
  /** By the driver's names. */
  readonly statistics: Readonly<Record<string, number>>;
  /** The disassembly, or "" where there is none. */
  readonly assembly: string;
}

export type DriverReply =
  | { readonly name: string; readonly driver: string }
  | { readonly compiled: Compiled }
  | { readonly error: string };

export interface FamilyCode {
  readonly family: string;
  /** The driver's name for its device. */
  readonly device: string;
  /** Version of the driver. */
  readonly driver: string;
  /** For each module. */
  readonly compiled: readonly Compiled[];
}

/** Of what a process that failed had to say, the end. */
const MOST_WORDS = 400;

/**
 * Compiles for one family, in a process of its own: the driver reads the family from the environment.
 * @param manifest the file by which the Vulkan loader finds the driver
 * @throws Error where the driver refuses a module, with its name
 */
export async function compileFor(
  family: string,
  modules: readonly Module[],
  names: readonly string[],
  manifest: string,
): Promise<FamilyCode> {
  const child = fork(fileURLToPath(new URL("driver.ts", import.meta.url)), {
    serialization: "advanced",
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    env: {
      ...process.env,
      VK_DRIVER_FILES: manifest,
      // The older name of the same variable.
      VK_ICD_FILENAMES: manifest,
      RADV_FORCE_FAMILY: family,
      MESA_SHADER_CACHE_DISABLE: "true",
    },
  });
  const compiled: Compiled[] = [];
  let words = "";
  child.stderr?.setEncoding("utf8").on("data", (text) => {
    words += text;
  });
  let about = { name: "", driver: "" };
  let error: string | undefined;
  child.on("message", (reply: DriverReply) => {
    if ("compiled" in reply) compiled.push(reply.compiled);
    else if ("error" in reply) error = reply.error;
    else about = reply;
  });
  child.send(modules);
  const code = await new Promise((resolve, reject) => child.on("error", reject).on("close", resolve));
  if (error === undefined && compiled.length < modules.length)
    error = `its process ended with ${code}: ${words.trim().slice(-MOST_WORDS)}`;
  if (error !== undefined) {
    const at = about.name === "" ? "" : `, ${names[compiled.length]}`;
    throw new Error(`RADV, ${family}${at}: ${error}`);
  }
  return { family, device: about.name, driver: about.driver, compiled };
}

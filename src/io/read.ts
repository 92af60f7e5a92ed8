/** Reads files, in Node and Deno. */
import { hasFileSystem } from "../environment.ts";

export type FileSystem = typeof import("node:fs/promises");

export async function fileSystem(what: string): Promise<FileSystem> {
  if (!hasFileSystem()) {
    throw new Error(
      what === "save"
        ? "save: a browser has no files to write to; offer the bytes of toSafetensors() or checkpoint() as a download"
        : `${what}: a browser has no files to read by their path; pass the bytes instead`,
    );
  }
  return import("node:fs/promises");
}

/** @throws Error naming the file, and why it cannot be read */
export async function readFile(path: string | URL): Promise<Uint8Array> {
  const fs = await fileSystem("load");
  try {
    return await fs.readFile(path);
  } catch (cause) {
    throw new Error(`load: ${path} cannot be read: ${reason(cause)}`, { cause });
  }
}

/** The operating system's code of an error, such as ENOENT. */
export function codeOf(error: unknown): string | undefined {
  return (error as { code?: string } | null)?.code;
}

/**
 * The text of a file; "" where there is no such file.
 * @throws Error naming the file, and why it cannot be read
 */
export async function readTextIfAny(path: string): Promise<string> {
  const fs = await fileSystem("load");
  try {
    return await fs.readFile(path, "utf8");
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return "";
    throw new Error(`load: ${path} cannot be read: ${reason(cause)}`, { cause });
  }
}

function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

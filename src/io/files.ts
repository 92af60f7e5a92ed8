/** Files, where there is a file system: in Node and Deno. */

export type FileSystem = typeof import("node:fs/promises");

/** Whether this is Node or Deno, where files can be read. A bundler's stand-in for `process` names no version of Node. */
export function hasFileSystem(): boolean {
  const { process } = globalThis as { process?: { versions?: { node?: string } } };
  return process?.versions?.node !== undefined;
}

export async function fileSystem(what: string): Promise<FileSystem> {
  if (!hasFileSystem()) {
    throw new Error(
      what === "save"
        ? "save: a browser has no files to write to; offer the bytes that toSafetensors() or checkpoint() gives as a download"
        : `${what}: a browser has no files to read by their path; pass the bytes instead`,
    );
  }
  return import("node:fs/promises");
}

/** @throws Error naming the file and what is wrong with it. */
export async function readFile(path: string | URL): Promise<Uint8Array> {
  const fs = await fileSystem("load");
  try {
    return await fs.readFile(path);
  } catch (cause) {
    throw new Error(`load: ${path} cannot be read: ${reason(cause)}`, { cause });
  }
}

/** An operating system's code of an error, such as ENOENT. */
export function codeOf(error: unknown): string | undefined {
  return (error as { code?: string } | null)?.code;
}

/** The text of a file, or none where there is no such file. @throws Error naming the file and what is wrong with it */
export async function readTextIfAny(path: string): Promise<string> {
  const fs = await fileSystem("load");
  try {
    return await fs.readFile(path, "utf8");
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return "";
    throw new Error(`load: ${path} cannot be read: ${reason(cause)}`, { cause });
  }
}

/**
 * Writes a file whole or not at all: under another name first, then renamed. Links are followed, a file's mode is kept, and
 * of several writers at once the last one's file stays. What is no file on a disk, such as a pipe or `/dev/null`, is written
 * to. In Deno this takes permission to read and write in the file's folder; with less, the file is written in place. Not in
 * browsers.
 * @throws Error naming the file, and why it cannot be written; then what was there before is still there
 */
export async function writeFileWhole(path: string, content: Uint8Array | string): Promise<void> {
  await (await import("./write.ts")).replaceFile(path, content);
}

/**
 * Finds out whether {@link writeFileWhole} could write a file: to be asked before what takes long.
 * @throws Error naming the file, and why it cannot be written
 */
export async function checkWritable(path: string): Promise<void> {
  await (await import("./write.ts")).checkTarget(path);
}

/**
 * Adds text to a file, making it if need be, and waits until the disk has it.
 * @throws Error naming the file, and why it cannot be written; then it is as it was
 */
export async function appendText(path: string, text: string): Promise<void> {
  await (await import("./write.ts")).extendFile(path, text);
}

/** Loads what writing takes, where there are files. */
export async function prepareWriting(): Promise<void> {
  if (hasFileSystem()) await import("./write.ts");
}

function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

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
      `${what}: a browser has no file system; pass bytes instead of a path, and offer them as a download`,
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

const WORDS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EDQUOT: "the quota of the disk is used up",
  EISDIR: "it is a folder",
  ELOOP: "its links lead round in a circle",
  ENAMETOOLONG: "the name is too long",
  ENOENT: "its folder does not exist",
  ENOSPC: "the disk is full",
  ENOTDIR: "a part of the path is no folder",
  EPERM: "permission denied",
  EROFS: "the disk can only be read",
};

/** Why a file cannot be written, in words and by the system's code. */
export function reason(cause: unknown, words: Readonly<Record<string, string>> = {}): string {
  const code = codeOf(cause);
  if (code && code in words) return `${words[code]} (${code})`;
  return cause instanceof Error ? cause.message : String(cause);
}

export function writingFailed(path: string, cause: unknown): Error {
  return new Error(`save: ${path} cannot be written: ${reason(cause, WORDS)}`, { cause });
}

/** What says that a file system, or a file that is none on a disk, cannot wait for the disk. */
const NO_SYNC = new Set(["EINVAL", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EPERM", "EACCES", "EISDIR"]);

/** Waits until the disk has a file's contents; where there is no such thing, it goes on. */
export async function sync(file: { sync(): Promise<void> }): Promise<void> {
  try {
    await file.sync();
  } catch (error) {
    if (!NO_SYNC.has(codeOf(error) ?? "")) throw error;
  }
}

/** Waits until the disk has a folder's names, where it can be waited for. */
export async function syncFolder(fs: FileSystem, folder: string): Promise<void> {
  try {
    const file = await fs.open(folder, "r");
    await file.sync().finally(() => file.close());
  } catch {
    // The file itself is there.
  }
}

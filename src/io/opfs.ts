/**
 * Files in the origin private file system of a page or a worker. A file is written under a temporary name and moved to its
 * own. A browser without `move` writes by `createWritable`, which replaces the file when it is closed, as a whole. Folders
 * are made as they are needed.
 */
import type { FileStorage, StoredFile } from "./storage.ts";

/** The parts used here; TypeScript's and Node's types lack some. */
interface FileHandle {
  readonly kind: "file";
  readonly name: string;
  getFile(): Promise<File>;
  createWritable?(): Promise<{
    write(content: Uint8Array): Promise<void>;
    close(): Promise<void>;
    abort(): Promise<void>;
  }>;
  /** In workers. */
  createSyncAccessHandle?(): Promise<{
    truncate(size: number): void;
    write(content: Uint8Array): number;
    flush(): void;
    close(): void;
  }>;
  move?(name: string): Promise<void>;
}

interface FolderHandle {
  readonly kind: "directory";
  readonly name: string;
  getDirectoryHandle(name: string, options?: { create: boolean }): Promise<FolderHandle>;
  getFileHandle(name: string, options?: { create: boolean }): Promise<FileHandle>;
  removeEntry(name: string): Promise<void>;
  values(): AsyncIterable<FileHandle | FolderHandle>;
}

/** Ending of the names of files that are being written. */
const TEMPORARY = ".wgrad-part";
/** What Chromium adds to the name of a file that is being written, for a file beside it. */
const SWAP = ".crswap";

const REMEDIES: Readonly<Record<string, string>> = {
  QuotaExceededError:
    "the page's share of the disk is used up; keep fewer checkpoints, or remove other files of the page",
  SecurityError: "the page may not keep files, as in a private window; open it in an ordinary one",
  NotFoundError: "there is no such file or folder",
  NoModificationAllowedError: "another page or worker has the file open; close it, or use another name",
  TypeMismatchError: "a folder has the name of a file, or a file that of a folder; use another name",
};

/** Wraps an error of the file system, naming the file and what to do. */
function failed(what: "written" | "read", path: string, cause: unknown): Error {
  const { name = "", message } = Object(cause) as { name?: string; message?: string };
  const why = Object.hasOwn(REMEDIES, name) ? `${REMEDIES[name]} (${name})` : (message ?? String(cause));
  const file = path === "" ? "the folder" : path;
  return new Error(
    `${what === "written" ? "save" : "load"}: ${file} cannot be ${what} in the origin private file system: ${why}`,
    { cause },
  );
}

async function root(): Promise<FolderHandle> {
  const { storage } = globalThis.navigator as { storage?: { getDirectory?(): Promise<unknown> } };
  if (!storage?.getDirectory) {
    const why = globalThis.isSecureContext
      ? "this browser has none; use a newer one, or keep the bytes of run.checkpoint() elsewhere"
      : "a page has one only by https, or from localhost; serve it so";
    throw new Error(why);
  }
  return (await storage.getDirectory()) as FolderHandle;
}

/** @throws Error where the path leads out of the file system */
function partsOf(path: string): string[] {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) throw new Error("the path leads upwards; give one without ..");
  return parts;
}

/** @throws Error where the path names nothing */
function placeOf(path: string): { folder: string[]; name: string } {
  const folder = partsOf(path);
  const name = folder.pop();
  if (name === undefined || path.endsWith("/"))
    throw new Error("the path names no file; give a name such as run.safetensors");
  return { folder, name };
}

/**
 * Calls `work` with a folder: alone among the pages and workers of the origin, or with others that only read. A reader
 * would otherwise lose a file that another page replaces, and two writers would meet in one temporary file. The lock of
 * a page that is closed or dies is free again.
 */
async function within<T>(
  parts: readonly string[],
  how: "exclusive" | "shared",
  work: (folder: FolderHandle) => Promise<T>,
): Promise<T> {
  const enter = async () => {
    let at = await root();
    // Pages have no other way to make a folder than by code.
    for (const part of parts) at = await at.getDirectoryHandle(part, { create: how === "exclusive" });
    return work(at);
  };
  const { locks } = globalThis.navigator as { locks?: LockManager };
  return locks ? await locks.request(`wgrad: ${parts.join("/")}/`, { mode: how }, enter) : enter();
}

interface LockManager {
  request<T>(name: string, options: { mode: "exclusive" | "shared" }, work: () => Promise<T>): Promise<T>;
}

/** @throws Error where this page or worker cannot write files whole or not at all */
function checkMeans(file: FileHandle): void {
  if (file.createWritable || (file.createSyncAccessHandle && file.move)) return;
  throw new Error("this browser writes such files only in a worker, or not at all; train in a worker");
}

async function writeInto(file: FileHandle, content: Uint8Array): Promise<void> {
  if (file.createWritable) {
    const stream = await file.createWritable();
    try {
      await stream.write(content);
    } catch (error) {
      await stream.abort().catch(() => {});
      throw error;
    }
    return stream.close();
  }
  const access = await file.createSyncAccessHandle?.();
  if (!access) return checkMeans(file);
  try {
    access.truncate(0);
    const written = access.write(content);
    if (written !== content.length) throw new Error(`${written} of ${content.length} bytes were written`);
    access.flush();
  } finally {
    access.close();
  }
}

/** Writes a file of a folder that no other page writes to. */
async function replace(folder: FolderHandle, name: string, content: Uint8Array): Promise<void> {
  await removeStale(folder);
  const temporary = `${name}${TEMPORARY}`;
  try {
    const file = await folder.getFileHandle(temporary, { create: true });
    checkMeans(file);
    if (!file.move) return await replaceInPlace(folder, name, content);
    await writeInto(file, content);
    await file.move(name);
  } finally {
    await folder.removeEntry(temporary).catch(() => {});
  }
}

/** By `createWritable`, which keeps the old contents until it is closed. */
async function replaceInPlace(folder: FolderHandle, name: string, content: Uint8Array): Promise<void> {
  const isNew = await folder.getFileHandle(name).then(
    () => false,
    () => true,
  );
  try {
    await writeInto(await folder.getFileHandle(name, { create: true }), content);
  } catch (error) {
    if (isNew) await folder.removeEntry(name).catch(() => {});
    throw error;
  }
}

/** Removes temporary files of pages that were closed, or died, while they wrote: whoever writes has the folder's lock. */
async function removeStale(folder: FolderHandle): Promise<void> {
  const stale: string[] = [];
  for await (const entry of folder.values()) {
    const isOne = [TEMPORARY, TEMPORARY + SWAP].some((ending) => entry.name.endsWith(ending));
    if (entry.kind === "file" && isOne) stale.push(entry.name);
  }
  for (const name of stale) await folder.removeEntry(name).catch(() => {});
}

export const opfs: FileStorage = {
  async list(path) {
    try {
      return await within(partsOf(path), "shared", async (folder) => {
        const files: StoredFile[] = [];
        for await (const entry of folder.values()) {
          if (entry.kind !== "file") continue;
          const modified = await entry.getFile().then(
            (file) => file.lastModified,
            () => 0,
          );
          files.push({ name: entry.name, modified });
        }
        return files;
      });
    } catch (cause) {
      if (["NotFoundError", "TypeMismatchError"].includes((cause as Error).name)) return undefined;
      throw failed("read", path, cause);
    }
  },
  async read(path, most) {
    try {
      const { folder, name } = placeOf(path);
      return await within(folder, "shared", async (at) => {
        const file = await (await at.getFileHandle(name)).getFile();
        return new Uint8Array(await file.slice(0, most).arrayBuffer());
      });
    } catch (cause) {
      throw failed("read", path, cause);
    }
  },
  async write(path, content) {
    try {
      const { folder, name } = placeOf(path);
      await within(folder, "exclusive", (at) => replace(at, name, content));
    } catch (cause) {
      throw failed("written", path, cause);
    }
  },
  async checkWritable(path) {
    try {
      const { folder, name } = placeOf(path);
      await within(folder, "exclusive", async (at) => {
        await at.getFileHandle(name).catch((error) => {
          if (error.name !== "NotFoundError") throw error;
        });
        const temporary = `${name}${TEMPORARY}`;
        checkMeans(await at.getFileHandle(temporary, { create: true }));
        await at.removeEntry(temporary);
      });
    } catch (cause) {
      throw failed("written", path, cause);
    }
  },
  async remove(path) {
    const { folder, name } = placeOf(path);
    await within(folder, "exclusive", (at) => at.removeEntry(name)).catch(() => {});
  },
};

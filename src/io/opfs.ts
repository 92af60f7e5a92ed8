/**
 * Files in the origin private file system of a page or a worker. A file is written under a temporary name and moved to its
 * own. A browser without `move` writes by `createWritable`, which replaces the file when it is closed, as a whole.
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
  getDirectoryHandle(name: string, options?: { create: boolean }): Promise<FolderHandle>;
  getFileHandle(name: string, options?: { create: boolean }): Promise<FileHandle>;
  removeEntry(name: string): Promise<void>;
  values(): AsyncIterable<FileHandle | FolderHandle>;
}

const TEMPORARY = ".part";

const REMEDIES: Readonly<Record<string, string>> = {
  QuotaExceededError: "the page's share of the disk is used up; keep fewer checkpoints, or remove others",
  SecurityError: "the page may not keep files, as in a private window",
  NotFoundError: "there is no such file or folder",
  NoModificationAllowedError: "another page or worker has the file open",
};

function failed(what: string, path: string, cause: unknown): Error {
  const { name, message } = Object(cause) as { name?: string; message?: string };
  const why = REMEDIES[name ?? ""] ?? message ?? String(cause);
  return new Error(`${what}: ${path || "the folder"} of the origin private file system: ${why} (${name})`, {
    cause,
  });
}

async function root(): Promise<FolderHandle> {
  const { storage } = globalThis.navigator as { storage?: { getDirectory?(): Promise<unknown> } };
  if (!storage?.getDirectory)
    throw new Error(
      "this page has no origin private file system; serve the page by https, or from localhost",
    );
  return (await storage.getDirectory()) as FolderHandle;
}

/** @throws Error where the path leads out of the file system, or names nothing */
function partsOf(path: string): string[] {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) throw new Error("the path leads upwards; give one without ..");
  return parts;
}

async function folderAt(parts: readonly string[], create: boolean): Promise<FolderHandle> {
  let at = await root();
  for (const part of parts) at = await at.getDirectoryHandle(part, { create });
  return at;
}

async function placeOf(path: string): Promise<{ folder: FolderHandle; name: string }> {
  const parts = partsOf(path);
  const name = parts.pop();
  if (name === undefined) throw new Error("the path names no file; give a name such as run.safetensors");
  return { folder: await folderAt(parts, false), name };
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
  if (!file.createSyncAccessHandle || !file.move)
    throw new Error("this browser writes such files only in workers; train in one");
  const access = await file.createSyncAccessHandle();
  try {
    access.truncate(0);
    const written = access.write(content);
    if (written !== content.length) throw new Error(`${written} of ${content.length} bytes were written`);
    access.flush();
  } finally {
    access.close();
  }
}

async function replace(path: string, content: Uint8Array): Promise<void> {
  const { folder, name } = await placeOf(path);
  const temporary = `${name}${TEMPORARY}`;
  const file = await folder.getFileHandle(temporary, { create: true });
  try {
    if (!file.move) {
      await writeInto(await folder.getFileHandle(name, { create: true }), content);
      return await folder.removeEntry(temporary);
    }
    await writeInto(file, content);
    await file.move(name);
  } catch (error) {
    await folder.removeEntry(temporary).catch(() => {});
    throw error;
  }
}

export const opfs: FileStorage = {
  async list(path) {
    try {
      const files: StoredFile[] = [];
      for await (const entry of (await folderAt(partsOf(path), false)).values()) {
        if (entry.kind === "file")
          files.push({ name: entry.name, modified: (await entry.getFile()).lastModified });
      }
      return files;
    } catch (cause) {
      if (["NotFoundError", "TypeMismatchError"].includes((cause as Error).name)) return undefined;
      throw failed("load", path, cause);
    }
  },
  async read(path, most) {
    try {
      const { folder, name } = await placeOf(path);
      const file = await (await folder.getFileHandle(name)).getFile();
      return new Uint8Array(await file.slice(0, most).arrayBuffer());
    } catch (cause) {
      throw failed("load", path, cause);
    }
  },
  async write(path, content) {
    await replace(path, content).catch((cause) => {
      throw failed("save", path, cause);
    });
  },
  async checkWritable(path) {
    try {
      const { folder, name } = await placeOf(path);
      await folder.getFileHandle(`${name}${TEMPORARY}`, { create: true });
      await folder.removeEntry(`${name}${TEMPORARY}`);
    } catch (cause) {
      throw failed("save", path, cause);
    }
  },
  async remove(path) {
    const { folder, name } = await placeOf(path);
    await folder.removeEntry(name).catch(() => {});
  },
};

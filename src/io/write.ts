/** Writes files safely. This module is loaded on the first use. */
import { codeOf, type FileSystem, fileSystem } from "./read.ts";

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

/** Why a file cannot be written, with the system's code. */
function reason(cause: unknown): string {
  const code = codeOf(cause);
  if (code && code in WORDS) return `${WORDS[code]} (${code})`;
  return cause instanceof Error ? cause.message : String(cause);
}

function writingFailed(path: string, cause: unknown): Error {
  return new Error(`save: ${path} cannot be written: ${reason(cause)}`, { cause });
}

/** Codes of a file system, or of a file that is not on a disk, that cannot wait for the disk. */
const NO_SYNC = new Set(["EINVAL", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EPERM", "EACCES", "EISDIR"]);

/** Waits until the disk has a file's contents, where waiting is possible. */
async function sync(file: { sync(): Promise<void> }): Promise<void> {
  try {
    await file.sync();
  } catch (error) {
    if (!NO_SYNC.has(codeOf(error) ?? "")) throw error;
  }
}

/** Waits until the disk has a folder's names, where waiting is possible. */
async function syncFolder(fs: FileSystem, folder: string): Promise<void> {
  try {
    const file = await fs.open(folder, "r");
    await file.sync().finally(() => file.close());
  } catch {
    // The file itself is there.
  }
}

/** The target of a path. */
interface Target {
  /** The path after all links. */
  readonly path: string;
  readonly folder: string;
  /** The existing file, if any. */
  readonly found?: { readonly mode: number; readonly uid: number; readonly gid: number };
  /** Whether the target is a device, a pipe or a stream of this process: written to, not replaced. */
  readonly special: boolean;
}

/** Limit of links, as systems have it. */
const MOST_LINKS = 40;
/** Open descriptors of this process; their links name no files. */
const DESCRIPTOR = /^\/(proc|dev\/(fd\/|stdin$|stdout$|stderr$))/;

async function targetOf(fs: FileSystem, path: string): Promise<Target> {
  const { dirname, resolve } = await import("node:path");
  if (typeof path !== "string" || path === "" || /[/\\]$/.test(path))
    throw new Error("the path names no file; give a name such as weights.safetensors");
  let at = resolve(path);
  for (let links = 0; !DESCRIPTOR.test(at); links++) {
    // A link may lead to a file that does not exist yet.
    const link = await fs.readlink(at).catch((error) => {
      if (isDenied(error)) throw error;
      return undefined;
    });
    if (link === undefined) break;
    if (links === MOST_LINKS) throw Object.assign(new Error("too many links"), { code: "ELOOP" });
    at = resolve(dirname(at), link);
  }
  const found = await fs.stat(at).catch((error) => {
    if (codeOf(error) !== "ENOENT") throw error;
    return undefined;
  });
  if (found?.isDirectory()) throw Object.assign(new Error("a folder"), { code: "EISDIR" });
  const special = DESCRIPTOR.test(at) || found?.isFile() === false;
  return { path: at, folder: dirname(at), found, special };
}

/** Deno and Node refuse what their command line does not allow. */
function isDenied(error: unknown): boolean {
  return (error as Error | null)?.name === "NotCapable" || codeOf(error) === "ERR_ACCESS_DENIED";
}

export async function replaceFile(path: string, content: Uint8Array | string): Promise<void> {
  const fs = await fileSystem("save");
  try {
    const target = await targetOf(fs, path);
    if (target.special) await writeInto(fs, target.path, content, "a");
    else await replace(fs, target, content);
  } catch (cause) {
    if (!isDenied(cause)) throw writingFailed(path, cause);
    // In place rather than not at all: whoever saves seldom has a second copy.
    await writeInto(fs, path, content, "w").catch((error) => {
      throw writingFailed(path, error);
    });
  }
}

export async function checkTarget(path: string): Promise<void> {
  const fs = await fileSystem("save");
  try {
    const target = await targetOf(fs, path);
    if (target.special) return;
    if (target.found) await checkOpens(fs, target.path);
    const probe = await temporaryName(target);
    await (await fs.open(probe, "wx")).close();
    await fs.rm(probe);
  } catch (cause) {
    throw writingFailed(path, cause);
  }
}

/** A file that may not be written may not be replaced, either. `access` would ask Deno for more than files. */
async function checkOpens(fs: FileSystem, path: string): Promise<void> {
  await (await fs.open(path, "r+")).close();
}

async function writeInto(fs: FileSystem, path: string, content: Uint8Array | string, flag: "a" | "w") {
  const file = await fs.open(path, flag);
  try {
    await file.writeFile(content);
    await sync(file);
  } finally {
    await file.close();
  }
}

async function replace(fs: FileSystem, target: Target, content: Uint8Array | string): Promise<void> {
  const { path, folder, found } = target;
  if (found) await checkOpens(fs, path);
  await removeStale(fs, target);
  const temporary = await temporaryName(target);
  try {
    const file = await fs.open(temporary, "wx", found ? found.mode & 0o600 : 0o666);
    try {
      await file.writeFile(content);
      await sync(file);
    } finally {
      await file.close();
    }
    if (found) await become(fs, temporary, found);
    await fs.rename(temporary, path);
  } catch (error) {
    await fs.rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
  await syncFolder(fs, folder);
}

/** Gives a file the mode and, where allowed, the owner of the file that it replaces. */
async function become(fs: FileSystem, path: string, { mode, uid, gid }: NonNullable<Target["found"]>) {
  const own = await fs.stat(path);
  if (own.uid !== uid || own.gid !== gid) await fs.chown(path, uid, gid).catch(() => {});
  await fs.chmod(path, mode & 0o7777);
}

/** A temporary name: the start of the final name, and a unique ending. */
async function temporaryName({ path, folder }: Target): Promise<string> {
  const { basename, join } = await import("node:path");
  return join(folder, `${basename(path).slice(0, LONGEST_STEM)}.${crypto.randomUUID()}.part`);
}

/** A name may have 255 bytes, and a letter takes up to three in each UTF-16 unit. */
const LONGEST_STEM = 70;
const UNFINISHED = /^(.*)\.[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.part$/s;
/** A temporary file untouched for this long belongs to a process that ended. */
const STALE_MS = 3_600_000;

/** Removes temporary files of processes that ended while they wrote this file. */
async function removeStale(fs: FileSystem, { path, folder }: Target): Promise<void> {
  const { basename, join } = await import("node:path");
  const stem = basename(path).slice(0, LONGEST_STEM);
  try {
    for (const name of await fs.readdir(folder)) {
      if (UNFINISHED.exec(name)?.[1] !== stem) continue;
      const file = join(folder, name);
      if (Date.now() - (await fs.stat(file)).mtimeMs > STALE_MS) await fs.rm(file, { force: true });
    }
  } catch {
    // They do no harm.
  }
}

export async function extendFile(path: string, text: string): Promise<void> {
  const fs = await fileSystem("save");
  try {
    const file = await fs.open(path, "a");
    const before = await file.stat();
    try {
      await file.writeFile(text);
      await sync(file);
    } catch (error) {
      // The disk may have become full in the middle of a line.
      if (before.isFile()) await file.truncate(before.size).catch(() => {});
      throw error;
    } finally {
      await file.close();
    }
    if (before.size === 0) await syncFolder(fs, (await import("node:path")).dirname(path));
  } catch (cause) {
    throw writingFailed(path, cause);
  }
}

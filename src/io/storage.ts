/** Where checkpoints are kept by their paths: on disk in Node and Deno, in the origin private file system in a browser. */
import { hasFileSystem } from "../environment.ts";

/** A file of a folder. */
export interface StoredFile {
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly modified: number;
}

/** Files by path, with "/" between folders. */
export interface FileStorage {
  /** The files of a folder; undefined where there is no such folder. "" is the folder that paths begin at. */
  list(folder: string): Promise<StoredFile[] | undefined>;
  /** The first bytes of a file, all without `most`. */
  read(path: string, most?: number): Promise<Uint8Array>;
  /** Writes a file whole or not at all. */
  write(path: string, content: Uint8Array): Promise<void>;
  /** Tests whether a file could be written. */
  checkWritable(path: string): Promise<void>;
  remove(path: string): Promise<void>;
}

export async function openStorage(): Promise<FileStorage> {
  return hasFileSystem() ? (await import("./disk.ts")).disk : (await import("./opfs.ts")).opfs;
}

/** Files, where there is a file system: in Node and Deno. */
import { hasFileSystem } from "../environment.ts";

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

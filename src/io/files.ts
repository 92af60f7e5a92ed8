/** Writes files, in Node and Deno. */
import { hasFileSystem } from "../environment.ts";

/**
 * Writes a file whole or not at all: under a temporary name first, then renamed. Links are followed, and a file's mode
 * is kept. Of several concurrent writers, the last one's file stays. A pipe or a device such as `/dev/null` is written
 * to directly. In Deno, this needs permission to read and write in the file's folder; with less, the file is written in
 * place. Browsers have no files.
 * @throws Error naming the file, and why it cannot be written; the old content then remains
 */
export async function writeFileWhole(path: string, content: Uint8Array | string): Promise<void> {
  await (await import("./write.ts")).replaceFile(path, content);
}

/**
 * Tests whether {@link writeFileWhole} could write a file, before long work.
 * @throws Error naming the file, and why it cannot be written
 */
export async function checkWritable(path: string): Promise<void> {
  await (await import("./write.ts")).checkTarget(path);
}

/**
 * Appends text to a file, creates the file if needed, and waits until the disk has the text.
 * @throws Error naming the file, and why it cannot be written; the file is then unchanged
 */
export async function appendText(path: string, text: string): Promise<void> {
  await (await import("./write.ts")).extendFile(path, text);
}

/** Loads the code for writing, where there are files. */
export async function prepareWriting(): Promise<void> {
  if (hasFileSystem()) await import("./write.ts");
}

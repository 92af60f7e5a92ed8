/** Files that grow line by line. */
import { codeOf, fileSystem, reason, sync, syncFolder, writingFailed } from "./files.ts";

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
 * Adds text to a file, making it if need be, and waits until the disk has it.
 * @throws Error naming the file, and why it cannot be written; then it is as it was
 */
export async function appendText(path: string, text: string): Promise<void> {
  const fs = await fileSystem("save");
  try {
    const file = await fs.open(path, "a");
    const before = await file.stat();
    try {
      await file.writeFile(text);
      await sync(file);
    } catch (error) {
      // A disk may have been full in the middle of a line.
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

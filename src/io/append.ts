/** Files that grow line by line. */
import { fileSystem, reason } from "./files.ts";

/** The text of a file, or none where there is no such file. @throws Error naming the file and what is wrong with it */
export async function readTextIfAny(path: string): Promise<string> {
  const fs = await fileSystem("load");
  try {
    return await fs.readFile(path, "utf8");
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return "";
    throw new Error(`load: ${path} cannot be read: ${reason(cause)}`, { cause });
  }
}

/** Adds text to a file, making it if need be, and waits until the disk has it. */
export async function appendText(path: string, text: string): Promise<void> {
  const fs = await fileSystem("save");
  try {
    const file = await fs.open(path, "a");
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw new Error(`save: ${path} cannot be written: ${reason(cause)}`, { cause });
  }
}

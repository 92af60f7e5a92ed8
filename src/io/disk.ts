/** Files on disk, in Node and Deno. */
import { codeOf, fileSystem, readFile } from "./read.ts";
import type { FileStorage } from "./storage.ts";
import { checkTarget, replaceFile } from "./write.ts";

export const disk: FileStorage = {
  async list(folder) {
    const fs = await fileSystem("load");
    const { join } = await import("node:path");
    try {
      const entries = await fs.readdir(folder || ".", { withFileTypes: true });
      const files = entries.filter((entry) => entry.isFile() || entry.isSymbolicLink());
      return await Promise.all(
        files.map(async ({ name }) => ({
          name,
          modified: (await fs.stat(join(folder, name)).catch(() => ({ mtimeMs: 0 }))).mtimeMs,
        })),
      );
    } catch (error) {
      if (["ENOENT", "ENOTDIR"].includes(codeOf(error) ?? "")) return undefined;
      throw error;
    }
  },
  async read(path, most) {
    if (most === undefined) return readFile(path);
    const file = await (await fileSystem("load")).open(path, "r");
    try {
      const length = Math.min(most, (await file.stat()).size);
      const { buffer, bytesRead } = await file.read(new Uint8Array(length), 0, length, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  },
  write: replaceFile,
  checkWritable: checkTarget,
  async remove(path) {
    await (await fileSystem("save")).rm(path, { force: true });
  },
};

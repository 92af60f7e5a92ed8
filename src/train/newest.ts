/** Finds the checkpoint to resume: a file, or the newest whole one of a series or a folder. */
import { hasFileSystem } from "../environment.ts";
import { readBytes, sourceName } from "../io/bytes.ts";
import { filesOf } from "../io/series.ts";
import { openStorage } from "../io/storage.ts";
import type { CheckpointSource } from "./checkpoint.ts";

/**
 * Opens a checkpoint by `open`, which refuses a damaged one. Of a series or a folder, damaged ones are passed over with a
 * warning.
 * @throws Error where there is none, or it is damaged
 */
export async function openNewest<T>(
  from: CheckpointSource,
  open: (bytes: Uint8Array, name: string) => Promise<T>,
): Promise<T> {
  if (typeof from !== "string") return open(await readBytes(from), sourceName(from, "resume"));
  const storage = await openStorage();
  const files = await filesOf(storage, from);
  if (!files) return open(await (hasFileSystem() ? readBytes(from) : storage.read(from)), from);
  const damaged: string[] = [];
  for (const file of files) {
    try {
      // Another run may have removed it since.
      const opened = await open(await storage.read(file), file);
      for (const message of damaged) console.warn(`resume: ${message}. Going on from ${file}.`);
      return opened;
    } catch (error) {
      damaged.push((error as Error).message);
    }
  }
  const what =
    damaged.length === 0 ? "there is no checkpoint" : `no checkpoint is whole: ${damaged.join("; ")}`;
  throw new Error(`resume: ${from}: ${what}`);
}

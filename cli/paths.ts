/** Checks of files and folders named by options, before any work. */
import { existsSync, readdirSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { checkWritable } from "wgrad";
import { UsageError } from "./errors.ts";

/** @throws UsageError unless `path` is a folder */
export function checkFolder(option: string, path: string): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) throw new UsageError(`${option}: there is no folder "${path}"`);
  if (!found.isDirectory()) throw new UsageError(`${option}: "${path}" is no folder`);
}

/** Paths of several checkpoints: a folder, or a name with a number. */
const SERIES = /\{(epoch|step)\}[^/\\]*$/;

/**
 * The checkpoint to resume from; without a name, that of --checkpoint, where it is there already.
 * @throws UsageError where there is no such file, or neither has a name
 */
export function resumed(
  { resume, checkpoint }: { readonly resume?: string | true; readonly checkpoint?: string },
  note: (text: string) => void,
): string | undefined {
  if (resume === undefined) return undefined;
  if (resume !== true) {
    if (!SERIES.test(resume) && !existsSync(resume))
      throw new UsageError(`--resume: there is no file "${resume}"`);
    return resume;
  }
  if (checkpoint === undefined) {
    throw new UsageError(
      "--resume without a file goes on from that of --checkpoint, which is not given; name one of them",
    );
  }
  if (isThere(checkpoint)) return checkpoint;
  note(`There is no checkpoint ${checkpoint} yet: training begins`);
  return undefined;
}

function isThere(path: string): boolean {
  if (!SERIES.test(path)) return existsSync(path);
  const folder = dirname(resolve(path));
  const parts = basename(path).split(/\{(?:epoch|step)\}/);
  const pattern = new RegExp(
    `^${parts.map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("\\d+")}$`,
  );
  return existsSync(folder) && readdirSync(folder).some((name) => pattern.test(name));
}

/**
 * Checks the files to write against the file system, and against each other.
 * @param targets paths by their options
 * @throws UsageError unless each can be written as a file of its own
 */
export async function checkTargets(targets: Readonly<Record<string, string | undefined>>): Promise<void> {
  const taken = new Map<string, string>();
  for (const [option, path] of Object.entries(targets)) {
    if (path === undefined) continue;
    try {
      await checkWritable(path);
    } catch (error) {
      const { message } = error as Error;
      throw new UsageError(`${option}: ${message.replace(/^save: /, "")}`, { cause: error });
    }
    const place = placeOf(path);
    const other = taken.get(place);
    // A device or a pipe may take several outputs.
    const isFile = !existsSync(place) || statSync(place).isFile();
    if (other !== undefined && isFile) {
      throw new UsageError(`${option} and ${other} name the same file, "${path}"; give each its own`);
    }
    taken.set(place, option);
  }
}

/** The resolved target of a path. */
function placeOf(path: string): string {
  return existsSync(path) ? realpathSync(path) : join(realpathSync(dirname(resolve(path))), basename(path));
}

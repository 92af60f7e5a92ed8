/** Files and folders that options name, checked before anything takes time. */
import { closeSync, existsSync, openSync, rmSync, statSync } from "node:fs";
import { basename, dirname } from "node:path";
import { UsageError } from "./errors.ts";

/** @throws UsageError unless `path` is a folder */
export function checkFolder(option: string, path: string): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) throw new UsageError(`${option}: there is no folder "${path}"`);
  if (!found.isDirectory()) throw new UsageError(`${option}: "${path}" is no folder`);
}

/**
 * Holds what saving will need against the file system: makes a file beside the one to be, and removes it.
 * @throws UsageError unless a file can be written at `path`
 */
export function checkTarget(option: string, path: string): void {
  if (path === "" || /[/\\]$/.test(path)) {
    throw new UsageError(`${option}: "${path}" names no file; give a name such as mnist.safetensors`);
  }
  const folder = dirname(path);
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw new UsageError(`${option}: there is no folder "${folder}" for ${basename(path)}; make it first`);
  }
  // Saving renames a finished file over the old one, which must not be a folder or a device.
  if (existsSync(path) && !statSync(path).isFile()) {
    throw new UsageError(`${option}: "${path}" exists and is no file`);
  }
  const probe = `${path}.${process.pid.toString(36)}.part`;
  try {
    closeSync(openSync(probe, "wx"));
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? error;
    throw new UsageError(`${option}: no file can be written at "${path}" (${reason})`, { cause: error });
  }
  rmSync(probe, { force: true });
}

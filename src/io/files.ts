/** Files, where there is a file system: in Node and Deno. */

/** Whether this is Node or Deno, where files can be read. A bundler's stand-in for `process` names no version of Node. */
export function hasFileSystem(): boolean {
  const { process } = globalThis as { process?: { versions?: { node?: string } } };
  return process?.versions?.node !== undefined;
}

/** @throws Error naming the file and what is wrong with it. */
export async function readFile(path: string | URL): Promise<Uint8Array> {
  const fs = await fileSystem("load");
  try {
    return await fs.readFile(path);
  } catch (cause) {
    throw new Error(`load: ${path} cannot be read: ${reason(cause)}`, { cause });
  }
}

/** Writes a file whole or not at all: under another name first, then renamed. */
export async function writeFileWhole(path: string, bytes: Uint8Array): Promise<void> {
  const fs = await fileSystem("save");
  const temporary = `${path}.${Date.now().toString(36)}.part`;
  try {
    await fs.writeFile(temporary, bytes);
    await fs.rename(temporary, path);
  } catch (cause) {
    await fs.rm(temporary, { force: true });
    throw new Error(`save: ${path} cannot be written: ${reason(cause)}`, { cause });
  }
}

export function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

export async function fileSystem(what: string): Promise<typeof import("node:fs/promises")> {
  if (!hasFileSystem()) {
    throw new Error(
      `${what}: a browser has no file system; pass bytes instead of a path, and offer them as a download`,
    );
  }
  return import("node:fs/promises");
}

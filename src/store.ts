/**
 * Files kept between runs: in a folder in Node and Deno, in the Cache API in a browser. Node's modules are imported
 * only where there is a file system, so that this file loads in a browser.
 */

import { environmentVariable, hasFileSystem, hostProcess } from "./environment.ts";
import { writeFileWhole } from "./io/files.ts";

/** A flat store of named files. */
export interface Store {
  /** Path or address of a file in the store, for messages. */
  locate(name: string): string;
  /**
   * The file's bytes; undefined where there is none.
   * @throws Error where the file has more than `most` bytes
   */
  read(name: string, most: number): Promise<Uint8Array | undefined>;
  /** Keeps a file, whole or not at all. */
  write(name: string, bytes: Uint8Array): Promise<void>;
}

/**
 * The user's cache folder by the platform's convention; undefined where the environment names no home.
 * @param platform Node's `process.platform`
 * @param variable reads an environment variable
 */
export function userCacheFolder(
  platform: string,
  variable: (name: string) => string | undefined,
): string | undefined {
  if (platform === "win32") return variable("LOCALAPPDATA");
  const home = variable("HOME");
  if (platform === "darwin") return home === undefined ? undefined : `${home}/Library/Caches`;
  const xdg = variable("XDG_CACHE_HOME");
  if (xdg?.startsWith("/")) return xdg; // The XDG specification ignores relative paths.
  return home === undefined ? undefined : `${home}/.cache`;
}

/** This user's cache folder `wgrad/<name>`; undefined where there is none. */
function defaultCacheFolder(name: string): string | undefined {
  const base = userCacheFolder(hostProcess()?.platform ?? "", environmentVariable);
  return base === undefined ? undefined : `${base}/wgrad/${name}`;
}

function checkSize(place: string, size: number, most: number): void {
  if (size > most) throw new Error(`${place}: ${size} bytes; expected at most ${most}`);
}

/** Files in a folder; the first write creates the folder. */
export function folderStore(folder: string): Store {
  const locate = (name: string) => `${folder.replace(/[/\\]+$/, "")}/${name}`;
  return {
    locate,
    async read(name, most) {
      const { readFile, stat } = await import("node:fs/promises");
      try {
        checkSize(locate(name), (await stat(locate(name))).size, most);
        return await readFile(locate(name));
      } catch (error) {
        if ((error as { code?: string }).code === "ENOENT") return undefined;
        throw error;
      }
    },
    async write(name, bytes) {
      const { mkdir } = await import("node:fs/promises");
      await mkdir(folder, { recursive: true });
      await writeFileWhole(locate(name), bytes);
    },
  };
}

/** The part of a page's `caches` used here; Node's types lack `CacheStorage`. */
interface CachesLike {
  open(name: string): Promise<{
    match(address: string): Promise<Response | undefined>;
    put(address: string, response: Response): Promise<void>;
  }>;
}

/** Files in the browser cache of this name, under addresses that are never fetched. */
export function browserStore(caches: CachesLike, cacheName: string): Store {
  const locate = (name: string) => `/${cacheName}/${name}`;
  return {
    locate,
    async read(name, most) {
      const cache = await caches.open(cacheName);
      const content = await (await cache.match(locate(name)))?.blob();
      if (content) checkSize(locate(name), content.size, most);
      return content && new Uint8Array(await content.arrayBuffer());
    },
    async write(name, bytes) {
      const cache = await caches.open(cacheName);
      await cache.put(locate(name), new Response(bytes as Uint8Array<ArrayBuffer>));
    },
  };
}

/**
 * The store for `name` on this platform: `folder`, the user's cache folder, or in a browser the cache `wgrad-<name>`.
 * Undefined where nothing can be kept, as in a page without a secure context.
 */
export function openCache(name: string, folder?: string): Store | undefined {
  if (hasFileSystem()) {
    const chosen = folder || defaultCacheFolder(name);
    return chosen === undefined ? undefined : folderStore(chosen);
  }
  return typeof caches === "undefined" ? undefined : browserStore(caches, `wgrad-${name}`);
}

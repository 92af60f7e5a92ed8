/** A server of files on 127.0.0.1, for pages in tests. */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, sep } from "node:path";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".map": "application/json",
};

export interface StaticServer {
  /** Such as http://127.0.0.1:40123 */
  readonly origin: string;
  close(): Promise<void>;
}

/**
 * Serves the files below `folders` of `root` under their paths from `root`; anything else is not found.
 * @param headers sent with each file
 */
export async function serve(
  root: string,
  folders: readonly string[],
  headers: Readonly<Record<string, string>> = {},
): Promise<StaticServer> {
  const allowed = folders.map((folder) => join(root, folder) + sep);
  const server = createServer(async (request, response) => {
    const path = join(root, decodeURIComponent(new URL(request.url ?? "/", "http://localhost").pathname));
    const type = TYPES[extname(path)];
    const found = type && allowed.some((folder) => path.startsWith(folder)) && (await contents(path));
    if (!found) return response.writeHead(404).end();
    response.writeHead(200, { ...headers, "content-type": type, "cache-control": "no-store" }).end(found);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(0, "127.0.0.1", resolve);
  });
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function contents(path: string): Promise<Buffer | undefined> {
  return readFile(path).catch(() => undefined);
}

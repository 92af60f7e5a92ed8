/** A host with bundled candidates, opened for one use. */
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BUNDLED_PEERS, NotHereError, PROGRAM } from "../../options.ts";
import { bundle, installOthers } from "../bundle.ts";
import { CONTENDERS, type ContenderName } from "../contest.ts";
import type { Host } from "./host.ts";
import { denoHost, nodeHost } from "./node.ts";

export const PLACES = ["node", "deno", "chromium"] as const;
export type Where = (typeof PLACES)[number];

/**
 * Calls `body` with a host for these contenders.
 * @param env variables of processes in Node, besides this process's environment
 */
export async function withHost<T>(
  where: Where,
  contenders: readonly ContenderName[],
  note: (line: string) => void,
  body: (host: Host) => Promise<T>,
  env: NodeJS.ProcessEnv = {},
): Promise<T> {
  if (BUNDLED_PEERS !== undefined) return withPackedHost(where, BUNDLED_PEERS, body, env);
  const libraries = [...new Set(contenders.map((name) => CONTENDERS[name].library))];
  if (libraries.some((library) => library !== "wgrad")) installOthers(note);
  const folder = await mkdtemp(join(tmpdir(), "wgrad-peers-"));
  try {
    await bundle(libraries, where === "chromium" ? "browser" : "node", folder);
    if (where === "node") return await hosted(nodeHost(folder, env), body);
    if (where === "deno") return await hosted(denoHost(folder, env), body);
    // Loaded where it is needed: not every machine that measures in Node has a browser.
    const { chromiumHost } = await import("./chromium.ts");
    return await hosted(await chromiumHost(folder), body);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** With the candidates that the archive holds. */
async function withPackedHost<T>(
  where: Where,
  folder: string,
  body: (host: Host) => Promise<T>,
  env: NodeJS.ProcessEnv,
): Promise<T> {
  if (!existsSync(folder))
    throw new NotHereError("this archive has no candidates: it was packed with --no-peers");
  if (where === "node") return hosted(nodeHost(folder, env), body);
  throw new Error(
    `${PROGRAM} has candidates for Node only; --in ${where} takes a checkout of the repository`,
  );
}

async function hosted<T>(host: Host, body: (host: Host) => Promise<T>): Promise<T> {
  try {
    return await body(host);
  } finally {
    await host.close();
  }
}

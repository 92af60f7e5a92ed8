/** Candidates in Chromium, without a window: a page each. */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { basename, extname, join } from "node:path";
import { type Browser, chromium } from "playwright-core";
import { findChromium } from "../../../scripts/packages.mjs";
import { guestOf, type Host } from "./host.ts";

const FLAGS = ["--no-sandbox", "--enable-unsafe-webgpu", "--disable-quic", "--no-first-run"];
/** A GPU, where Chromium takes it; otherwise the software adapter that comes with it. */
const ADAPTERS = ["--enable-features=Vulkan", "--use-webgpu-adapter=swiftshader"];

/** `folder` holds the bundled candidates. @throws Error with the remedy where there is no Chromium */
export async function chromiumHost(folder: string): Promise<Host> {
  const executablePath = findChromium();
  if (!executablePath) {
    throw new Error(
      "there is no Chromium to measure in; install one and put it on the PATH, or name it in CHROMIUM_PATH",
    );
  }
  const server = await serve(folder);
  try {
    const browser = await launch(executablePath, server.origin);
    return {
      name: `Chromium ${browser.version()}`,
      async open(contender) {
        const page = await browser.newPage();
        await page.goto(server.origin);
        // As text: a function would be what a transpiler made of it.
        const call = (name: string, ...args: unknown[]) =>
          page.evaluate(`import("/calls.mjs").then((calls) => calls.${name}(...${JSON.stringify(args)}))`);
        return guestOf(call, `/${contender.library}.mjs`, contender, () => page.close());
      },
      async close() {
        await browser.close();
        server.close();
      },
    };
  } catch (error) {
    server.close();
    throw error;
  }
}

/** The first browser that has an adapter. */
async function launch(executablePath: string, origin: string): Promise<Browser> {
  for (const adapter of ADAPTERS) {
    const browser = await chromium.launch({ executablePath, args: [...FLAGS, adapter] });
    const page = await browser.newPage();
    await page.goto(origin);
    const found = await page.evaluate("navigator.gpu?.requestAdapter().then(Boolean)");
    await page.close();
    if (found) return browser;
    await browser.close();
  }
  throw new Error(
    `${executablePath} has no WebGPU adapter, not even a software one; name another in CHROMIUM_PATH`,
  );
}

const TYPES: Readonly<Record<string, string>> = {
  ".mjs": "text/javascript; charset=utf-8",
  ".wasm": "application/wasm",
};

/** Serves an empty page, and the files of `folder`. */
async function serve(folder: string): Promise<{ origin: string; close(): void }> {
  const server = createServer(async (request, response) => {
    const name = basename(new URL(request.url ?? "/", "http://localhost").pathname);
    const content = name ? await readFile(join(folder, name)).catch(() => undefined) : "<!doctype html>";
    response
      .writeHead(content === undefined ? 404 : 200, {
        "content-type": TYPES[extname(name)] ?? "text/html; charset=utf-8",
        // Threads of WebAssembly share memory, which only an isolated page may have.
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-embedder-policy": "require-corp",
      })
      .end(content);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(0, "127.0.0.1", resolve);
  });
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

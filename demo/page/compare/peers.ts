/**
 * For vite.config.ts: the libraries to compare with, in the page. They are a package of their own, and where it is not
 * installed, the page is built without them, and says so.
 */
import { fileURLToPath } from "node:url";
import { othersInstalled } from "../../../bench/peers/bundle.ts";

interface PeersInPage {
  readonly define: Record<string, string>;
  readonly alias: { readonly find: RegExp; readonly replacement: string }[];
}

export function peersInPage(): PeersInPage {
  const installed = othersInstalled();
  const absent = fileURLToPath(new URL("absent.ts", import.meta.url));
  // They are compared on the GPU alone: WebAssembly would take binaries beside the page.
  const left = installed ? /^@tensorflow\/tfjs-backend-wasm$/ : /^.*\/others\/(tensorflow|jax)\.ts$/;
  return {
    define: { __PEERS_BUILT_IN__: JSON.stringify(installed) },
    alias: [{ find: left, replacement: absent }],
  };
}

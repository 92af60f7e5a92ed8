/**
 * MNIST (LeCun, Cortes, Burges): 60,000 + 10,000 handwritten digits of 28 × 28 pixels. The files come from a folder,
 * the user's cache or a mirror, in this order. Each file must have the MD5 sum of the original.
 */
import { checkSignal } from "../abort.ts";
import { checkOptions } from "../checks.ts";
import type { Dataset } from "./dataset.ts";
import type { MnistOptions, MnistSource } from "./mnistSource.ts";

/**
 * Loads MNIST.
 *
 * The files come from `dir` or MNIST_DIR; without either, from the cache (`$XDG_CACHE_HOME/wgrad/mnist` or
 * `~/.cache/wgrad/mnist`, `~/Library/Caches` on macOS, `%LOCALAPPDATA%` on Windows, the Cache API in a browser); missing
 * files come from the mirrors in turn. A cached file that fails its check is fetched again. Only files that pass are cached.
 * @returns inputs of shape [1, 28, 28] in bytes with scale 1/255, targets as class indices 0 to 9
 * @throws MnistUnavailableError where no mirror can give a file; Error where a file in `dir` is missing or wrong; the
 *   signal's reason where the signal aborts
 * @throws TypeError where an option is unknown or of another kind
 */
export function mnist(options: MnistOptions = {}): Promise<{ train: Dataset; test: Dataset }> {
  return loadMnist(options);
}

/** `mnist` from other files.
 * @internal */
export async function loadMnist(
  options: MnistOptions,
  source?: MnistSource,
): Promise<{ train: Dataset; test: Dataset }> {
  checkOptions("mnist", options, {
    dir: "string",
    cacheDir: "string",
    fetch: "function",
    mirrors: "array",
    onProgress: "function",
    signal: "any",
  });
  checkSignal("mnist", options.signal);
  options.signal?.throwIfAborted();
  const { SOURCE, readMnist } = await import("./mnistFiles.ts");
  return readMnist(options, source ?? SOURCE);
}

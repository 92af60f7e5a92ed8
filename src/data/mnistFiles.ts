/**
 * The files of MNIST: read from a folder, a cache or mirrors, unpacked and checked. This module is loaded on the first
 * use.
 */
import { environmentVariable, hasFileSystem } from "../environment.ts";
import { folderStore, openCache, type Store } from "../store.ts";
import type { Dataset } from "./dataset.ts";
import { download, reasonOf } from "./download.ts";
import { unpacked } from "./gzip.ts";
import { isGzip } from "./gzipMember.ts";
import { idxImages, parseIdx } from "./idx.ts";
import { md5 } from "./md5.ts";
import {
  type MirrorFailure,
  type MnistFile,
  type MnistOptions,
  type MnistSource,
  MnistUnavailableError,
} from "./mnistSource.ts";

/** The first one sends the CORS headers that a browser asks for. */
const MIRRORS = [
  "https://cdn.jsdelivr.net/gh/fgnt/mnist/",
  "https://storage.googleapis.com/cvdf-datasets/mnist/",
  "https://ossci-datasets.s3.amazonaws.com/mnist/",
];

export const SOURCE: MnistSource = {
  trainImages: {
    name: "train-images-idx3-ubyte",
    md5: "6bbc9ace898e44ae57da46a324031adb",
    bytes: 47_040_016,
  },
  trainLabels: { name: "train-labels-idx1-ubyte", md5: "a25bea736e30d166cdddb491f175f624", bytes: 60_008 },
  testImages: { name: "t10k-images-idx3-ubyte", md5: "2646ac647ad5339dbf082846283269ea", bytes: 7_840_016 },
  testLabels: { name: "t10k-labels-idx1-ubyte", md5: "27ae3e4e09519cfbb04c329615203637", bytes: 10_008 },
  stallMs: 30_000,
};

/** Size limit of a file, packed or not: what cannot be packed grows a little. */
const mostBytes = ({ bytes }: MnistFile) => bytes + (bytes >> 10) + 1024;

/** As `loadMnist`, with checked options. */
export async function readMnist(
  options: MnistOptions,
  source: MnistSource,
): Promise<{ train: Dataset; test: Dataset }> {
  const dir = options.dir || environmentVariable("MNIST_DIR");
  if (dir && !hasFileSystem()) {
    throw new Error(
      `mnist: dir is "${dir}", but a browser has no folders; leave dir out, and the files are fetched`,
    );
  }
  const load = dir ? fromFolder(folderStore(dir), options) : cachedOrFetched(options, source.stallMs);
  const both = async (name: string, images: MnistFile, labels: MnistFile) => {
    const pixels = parseIdx(await load(images), images.name);
    return idxImages(name, pixels, parseIdx(await load(labels), labels.name), 10);
  };
  const train = await both("mnist train", source.trainImages, source.trainLabels);
  const test = await both("mnist test", source.testImages, source.testLabels);
  return { train, test };
}

type Load = (file: MnistFile) => Promise<Uint8Array>;

/** Unpacks a file where needed, and checks the MD5 sum. `place` opens the error message. */
async function checked(
  bytes: Uint8Array,
  file: MnistFile,
  place: string,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const content = isGzip(bytes) ? await unpacked(bytes, place, { signal }, () => file.bytes) : bytes;
  const sum = await md5(content);
  if (sum === file.md5) return content;
  throw new Error(`${place}: MD5 sum ${sum}, expected ${file.md5} (${content.length} bytes unpacked)`);
}

/** One file of a store, unpacked and checked; undefined where the store has it neither packed nor unpacked. */
async function fromStore(
  store: Store,
  name: string,
  file: MnistFile,
  { onProgress, signal }: MnistOptions,
): Promise<Uint8Array | undefined> {
  signal?.throwIfAborted();
  const source = store.locate(name);
  let loadedBytes: number;
  let content: Uint8Array;
  try {
    const bytes = await store.read(name, mostBytes(file));
    if (bytes === undefined) return undefined;
    loadedBytes = bytes.length;
    content = await checked(bytes, file, source, signal);
  } catch (error) {
    signal?.throwIfAborted();
    throw new StoredFileError(reasonOf(error));
  }
  onProgress?.({ file: file.name, source, loadedBytes, totalBytes: loadedBytes });
  return content;
}

/** A stored file that cannot be read or fails its check. */
class StoredFileError extends Error {}

const namesOf = (file: MnistFile) => [`${file.name}.gz`, file.name];

/** Reads files from the user's own folder, where a wrong file is an error. */
function fromFolder(folder: Store, options: MnistOptions): Load {
  return async (file) => {
    for (const name of namesOf(file)) {
      try {
        const bytes = await fromStore(folder, name, file, options);
        if (bytes !== undefined) return bytes;
      } catch (error) {
        if (!(error instanceof StoredFileError)) throw error;
        throw new Error(
          `mnist: ${error.message}; replace the file, or leave dir and MNIST_DIR unset, and it is fetched`,
        );
      }
    }
    throw new Error(
      `mnist: ${folder.locate(file.name)}.gz: no such file, nor one without .gz; ` +
        "put the four files there, or leave dir and MNIST_DIR unset, and they are fetched",
    );
  };
}

/** Reads files from the cache; fetches files that are missing or wrong there. */
function cachedOrFetched(options: MnistOptions, stallMs: number): Load {
  const cache = openCache("mnist", options.cacheDir);
  const fetchFile = fetcher(options, stallMs);
  return async (file) => {
    for (const name of cache === undefined ? [] : namesOf(file)) {
      try {
        const bytes = await fromStore(cache as Store, name, file, options);
        if (bytes !== undefined) return bytes;
      } catch (error) {
        if (!(error instanceof StoredFileError)) throw error; // else it is fetched anew, and replaced
      }
    }
    const { packed, content } = await fetchFile(file);
    const name = isGzip(packed) ? `${file.name}.gz` : file.name; // some servers unpack on the way
    try {
      await cache?.write(name, packed);
    } catch (error) {
      console.warn(
        `mnist: ${cache?.locate(name)}: could not be kept (${reasonOf(error)}), so the next run fetches it again; ` +
          "set cacheDir to a folder that can be written",
      );
    }
    return content;
  };
}

/** Fetches files, each from the first mirror that gives it; the mirror of the last file is tried first. */
function fetcher(options: MnistOptions, stallMs: number) {
  const { mirrors = MIRRORS, onProgress, signal } = options;
  let preferred = 0;
  return async (file: MnistFile): Promise<{ packed: Uint8Array; content: Uint8Array }> => {
    const failures: MirrorFailure[] = [];
    let callerFailed = false;
    const report = (source: string) => (loadedBytes: number, totalBytes: number | undefined) => {
      callerFailed = true; // Stays true where the caller's own function throws.
      onProgress?.({ file: file.name, source, loadedBytes, totalBytes });
      callerFailed = false;
    };
    for (let attempt = 0; attempt < mirrors.length; attempt++) {
      const index = (preferred + attempt) % mirrors.length;
      const url = `${mirrors[index]?.replace(/\/*$/, "/")}${file.name}.gz`;
      try {
        const packed = await download(url, {
          fetch: options.fetch ?? globalThis.fetch,
          signal,
          stallMs,
          maxBytes: mostBytes(file),
          onProgress: report(url),
        });
        const content = await checked(packed, file, "what came", signal);
        preferred = index;
        return { packed, content };
      } catch (error) {
        signal?.throwIfAborted();
        if (callerFailed) throw error;
        failures.push({ url, reason: reasonOf(error) });
      }
    }
    throw new MnistUnavailableError(`${file.name}.gz`, failures);
  };
}

/** Options, progress and errors of loading MNIST. */

/** Progress of the loading. */
export interface MnistProgress {
  /** Name of the file, such as train-images-idx3-ubyte. */
  readonly file: string;
  /** Path or address the file is read from. */
  readonly source: string;
  readonly loadedBytes: number;
  /** Undefined where the server does not state the size. */
  readonly totalBytes: number | undefined;
}

export interface MnistOptions {
  /** Folder that holds the four files, packed (.gz) or not (default: the environment variable MNIST_DIR). */
  readonly dir?: string;
  /** Folder where fetched files are kept, in Node and Deno (default: the user's cache folder). */
  readonly cacheDir?: string;
  /** Replaces the platform's `fetch`. */
  readonly fetch?: typeof globalThis.fetch;
  /** Addresses to which a file's name is appended, tried in turn. */
  readonly mirrors?: readonly string[];
  readonly onProgress?: (progress: MnistProgress) => void;
  /** Aborts the loading. */
  readonly signal?: AbortSignal;
}

/** One mirror's failure to give one file. */
export interface MirrorFailure {
  readonly url: string;
  readonly reason: string;
}

/** No mirror could give a file of MNIST. */
export class MnistUnavailableError extends Error {
  override readonly name = "MnistUnavailableError";
  readonly file: string;
  readonly failures: readonly MirrorFailure[];

  constructor(file: string, failures: readonly MirrorFailure[]) {
    const list = failures.map(({ url, reason }) => `\n  ${url}: ${reason}`).join("");
    super(
      `mnist: no mirror could give ${file}:${list || " the list of mirrors is empty"}\n` +
        "Put the four files into a folder and pass it as dir or MNIST_DIR, or train on digits(), which fetches nothing.",
    );
    this.file = file;
    this.failures = failures;
  }
}

/** A file's name without the ending .gz, and the MD5 sum and the size in bytes of the unpacked file. */
export interface MnistFile {
  readonly name: string;
  readonly md5: string;
  readonly bytes: number;
}

/** Replaced by tests: the files, and the limit on a server's silence. */
export interface MnistSource {
  readonly trainImages: MnistFile;
  readonly trainLabels: MnistFile;
  readonly testImages: MnistFile;
  readonly testLabels: MnistFile;
  readonly stallMs: number;
}

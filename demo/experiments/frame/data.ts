/** MNIST, or digits that stand in for it. */
import { type Dataset, digits, type MnistProgress, MnistUnavailableError, mnist, take } from "wgrad/data";

export interface Images {
  readonly train: Dataset;
  readonly test: Dataset;
  /** Whether these are the built-in digits, and not MNIST. */
  readonly digits: boolean;
}

/** Loads MNIST once, whoever asks for how many of its images. */
export class ImageSource {
  #loading: Promise<{ train: Dataset; test: Dataset } | undefined> | undefined;
  /** The data given so far: "mnist", "digits", or nothing. */
  given: "mnist" | "digits" | undefined;

  /** `folder` holds MNIST's four files; without it they come from $MNIST_DIR, this user's cache or a mirror. */
  constructor(
    readonly folder: string | undefined,
    readonly note: (line: string) => void,
  ) {}

  /** @throws Error where a folder was named and MNIST is not in it */
  async take(counts: { readonly train: number; readonly test: number }): Promise<Images> {
    this.#loading ??= this.#load();
    const all = await this.#loading;
    this.given = all ? "mnist" : "digits";
    if (!all) return { ...digits(counts), digits: true };
    return { train: take(all.train, counts.train), test: take(all.test, counts.test), digits: false };
  }

  async #load(): Promise<{ train: Dataset; test: Dataset } | undefined> {
    try {
      return await mnist({ dir: this.folder, onProgress: this.#tellOfDownloads() });
    } catch (error) {
      if (!(error instanceof MnistUnavailableError) || this.folder !== undefined) throw error;
      const reasons = [...new Set(error.failures.map(({ reason }) => reason))].join("; ");
      this.note(
        `MNIST cannot be fetched (${error.file}: ${reasons || "no mirrors are known"}). The built-in digits stand in: figures are not MNIST's.`,
      );
      return undefined;
    }
  }

  /** One line for each file that comes over the network. */
  #tellOfDownloads(): (progress: MnistProgress) => void {
    const told = new Set<string>();
    return ({ source }) => {
      if (!/^https?:/.test(source) || told.has(source)) return;
      told.add(source);
      this.note(`fetching ${source}`);
    };
  }
}

/** The images to learn from: MNIST, or where it cannot be had, digits drawn here. */
import { type Dataset, digits, MnistUnavailableError, mnist } from "wgrad/data";
import type { DatasetName } from "../network/settings.ts";
import { bytes } from "../widgets/numbers.ts";
import type { DataInfo } from "./messages.ts";

export interface Images {
  readonly train: Dataset;
  readonly test: Dataset;
  readonly info: DataInfo;
}

/** Called with the current action, and its finished fraction where known. */
export type Note = (words: string, part?: number) => void;

/**
 * Fetched files stay in the browser's cache.
 * @throws Error when `signal` ends it
 */
export async function loadImages(name: DatasetName, note: Note, signal: AbortSignal): Promise<Images> {
  if (name === "digits") return drawn(note);
  note("Looking for MNIST in this browser's cache…");
  try {
    const { train, test } = await mnist({
      signal,
      onProgress: ({ file, loadedBytes, totalBytes }) => {
        const of = totalBytes === undefined ? "" : ` of ${bytes(totalBytes)}`;
        note(`Fetching MNIST, ${file}: ${bytes(loadedBytes)}${of}`, loadedBytes / (totalBytes ?? Number.NaN));
      },
    });
    return { train, test, info: { name, train: train.count, test: test.count } };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof MnistUnavailableError)) throw error;
    return drawn(
      note,
      "MNIST could not be fetched: are you offline, or is its mirror? The network learns digits drawn by wgrad instead. To try MNIST again, press Reset, then Start.",
    );
  }
}

function drawn(note: Note, instead?: string): Images {
  note("Drawing digits…");
  const { train, test } = digits();
  return { train, test, info: { name: "digits", train: train.count, test: test.count, instead } };
}

/** The progress bar: progress, speed and remaining time of a run, on terminals only. */
import { SingleBar } from "cli-progress";
import type { Progress } from "wgrad";
import { clock, grouped, percent } from "./numbers.ts";

const FORMAT =
  "epoch {epoch}/{epochs} [{bar}] {percentage}%  loss {loss}  accuracy {accuracy}  {rate} samples/s  {left} left";

/** Speed of training, from the numbers of samples at the times of the calls. */
export class Rate {
  #first: { readonly samples: number; readonly time: number } | undefined;

  /**
   * Samples a second since the first call, which only starts the clock: compilation came before.
   * @param time in milliseconds
   */
  at(samples: number, time: number): number | undefined {
    this.#first ??= { samples, time };
    const elapsed = time - this.#first.time;
    return elapsed > 0 ? ((samples - this.#first.samples) / elapsed) * 1000 : undefined;
  }
}

/** Texts next to the bar. */
export function barTexts(progress: Progress, rate: number | undefined) {
  const { epoch, epochs, samples, samplesPerEpoch, loss, accuracy } = progress;
  const left = epochs * samplesPerEpoch - (epoch - 1) * samplesPerEpoch - samples;
  return {
    epoch,
    epochs,
    loss: loss.toFixed(4),
    accuracy: accuracy === undefined ? "–" : percent(accuracy),
    rate: rate ? grouped(rate) : "…",
    left: rate ? clock(left / rate) : "…",
  };
}

export class TrainingBar {
  readonly #bar: SingleBar | undefined;
  readonly #rate = new Rate();
  #texts: Record<string, string | number>;
  #total = 1;
  #done = 0;
  #shown = false;

  /** @param stream output for the bar; without a terminal, nothing is drawn */
  constructor(stream: NodeJS.WriteStream, epochs: number) {
    this.#texts = { epoch: 1, epochs, loss: "…", accuracy: "…", rate: "…", left: "…" };
    if (!stream.isTTY) return;
    this.#bar = new SingleBar({
      stream,
      format: FORMAT,
      barsize: 20,
      clearOnComplete: true,
      // Terminal modes stay unchanged, so that none remains switched off however the process ends: lines are cut to the
      // width here, and the cursor stays visible.
      linewrap: true,
      hideCursor: false,
      // The entry handles signals: it stops the bar, and ends the process.
      gracefulExit: false,
    });
  }

  /** Shows the bar below the printed text. */
  show(): void {
    if (!this.#bar || this.#shown) return;
    this.#bar.start(this.#total, this.#done, { ...this.#texts });
    this.#shown = true;
  }

  update(progress: Progress): void {
    const { epoch, epochs, samples, samplesPerEpoch } = progress;
    this.#total = epochs * samplesPerEpoch;
    this.#done = (epoch - 1) * samplesPerEpoch + samples;
    this.#texts = barTexts(progress, this.#rate.at(this.#done, performance.now()));
    this.#bar?.setTotal(this.#total);
    this.#bar?.update(this.#done, this.#texts);
  }

  /** Hides the bar while `print` prints. */
  around(print: () => void): void {
    this.hide();
    print();
    this.show();
  }

  /** Hides the bar and restores the terminal, for other output. */
  hide(): void {
    if (!this.#shown) return;
    this.#bar?.stop();
    this.#shown = false;
  }
}

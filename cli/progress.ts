/** The progress bar: how far a run is, how fast it goes, and how long it will take. Shown on terminals only. */
import { SingleBar } from "cli-progress";
import type { Progress } from "wgrad";
import { clock, grouped, percent } from "./numbers.ts";

const FORMAT =
  "epoch {epoch}/{epochs} [{bar}] {percentage}%  loss {loss}  accuracy {accuracy}  {rate} samples/s  {left} left";

/** How fast samples go by, from where they stood at the times of the calls. */
export class Rate {
  #first: { readonly samples: number; readonly time: number } | undefined;

  /**
   * Samples a second since the first call, which only sets the clock: what came before was compilation.
   * @param time in milliseconds
   */
  at(samples: number, time: number): number | undefined {
    this.#first ??= { samples, time };
    const elapsed = time - this.#first.time;
    return elapsed > 0 ? ((samples - this.#first.samples) / elapsed) * 1000 : undefined;
  }
}

/** What the bar shows beside itself. */
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

  /** @param stream where to draw; without a terminal there, nothing is */
  constructor(stream: NodeJS.WriteStream, epochs: number) {
    this.#texts = { epoch: 1, epochs, loss: "…", accuracy: "…", rate: "…", left: "…" };
    if (!stream.isTTY) return;
    this.#bar = new SingleBar({
      stream,
      format: FORMAT,
      barsize: 20,
      clearOnComplete: true,
      // Nothing of the terminal is switched off, so that nothing stays off however the process ends: lines are cut
      // to the width here, and the cursor stays visible.
      linewrap: true,
      hideCursor: false,
      // Signals are the entry's business: it stops the bar, and ends the process as well.
      gracefulExit: false,
    });
  }

  /** Shows the bar, below what was printed so far. */
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

  /** Takes the bar away while `print` prints. */
  around(print: () => void): void {
    this.hide();
    print();
    this.show();
  }

  /** Takes the bar away and leaves the terminal as it was, so that something can be printed. */
  hide(): void {
    if (!this.#shown) return;
    this.#bar?.stop();
    this.#shown = false;
  }
}

/**
 * What became of a device. Kept apart from its engine, and without the device, or errors, whose stacks lead to both: what a
 * device's promises and events hold on to keeps it alive in Node, and would never be freed.
 */
import { DeviceLostError, EngineError } from "../engine.ts";

export class Health {
  /** Why the device is gone, if it is. */
  #reason: string | undefined;
  /** What was said of the last error that no scope has caught, and how many there were. */
  #stray = "";
  strays = 0;
  /** Resolves once the device is gone. */
  readonly #gone: Promise<void>;

  constructor(device: GPUDevice) {
    device.addEventListener("uncapturederror", (event) => {
      this.#stray = (event as GPUUncapturedErrorEvent).error.message;
      this.strays++;
    });
    this.#gone = device.lost.then(({ reason, message }) => {
      // A sentence, in some browsers: it becomes a part of one.
      this.#reason = (message || reason).replace(/\.$/, "");
    });
  }

  /** @throws DeviceLostError when the device is gone, whoever destroyed it */
  check(): void {
    if (this.#reason === undefined) return;
    throw new DeviceLostError(`the GPU device was lost: ${this.#reason}; connect() again`);
  }

  /** Waits for the news that the device is lost, for so many milliseconds at most. */
  async news(atMost: number): Promise<void> {
    if (this.#reason !== undefined) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const enough = new Promise((resolve) => {
      timer = setTimeout(resolve, atMost);
    });
    await Promise.race([this.#gone, enough]);
    clearTimeout(timer);
  }

  /** @throws EngineError when WebGPU refused something since there were `before` strays */
  checkStrays(what: string, before: number): void {
    if (this.strays > before) throw new EngineError(`${what}: ${this.#stray}`);
  }
}

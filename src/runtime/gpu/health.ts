/**
 * The state of a device. This module holds neither the device nor errors, whose stacks lead to it: a device's promises
 * and events keep alive in Node all that they reference.
 */
import { DeviceLostError } from "../engine.ts";

export class Health {
  /** Why the device is gone, if so. */
  #reason: string | undefined;
  /** Resolves once the device is gone. */
  readonly #gone: Promise<void>;

  constructor(device: GPUDevice) {
    device.addEventListener("uncapturederror", (event) => {
      console.warn(`wgrad: WebGPU reports an error that is of no work of the engine: ${event.error.message}`);
    });
    this.#gone = device.lost.then(({ reason, message }) => {
      // Some browsers give a sentence; here it becomes part of one.
      this.#reason = (message || reason).replace(/\.$/, "");
    });
  }

  /** @throws DeviceLostError where the device is gone, whoever destroyed it */
  check(): void {
    if (this.#reason === undefined) return;
    throw new DeviceLostError(`the GPU device was lost: ${this.#reason}; connect() again`);
  }

  /** Waits for the news of a lost device, at most that many milliseconds. */
  async news(atMost: number): Promise<void> {
    if (this.#reason !== undefined) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const enough = new Promise((resolve) => {
      timer = setTimeout(resolve, atMost);
    });
    await Promise.race([this.#gone, enough]);
    clearTimeout(timer);
  }
}

/**
 * The state of a device. This module holds neither the device nor errors, whose stacks lead to it: a device's promises
 * and events keep alive in Node all that they reference.
 */
import { DeviceLostError, EngineError } from "../engine.ts";

export class Health {
  /** Why the device is gone, if so. */
  #reason: string | undefined;
  /** Message of the last error outside all scopes; below, the number of such errors. */
  #stray = "";
  strays = 0;
  /** Resolves once the device is gone. */
  readonly #gone: Promise<void>;

  constructor(device: GPUDevice) {
    device.addEventListener("uncapturederror", (event) => {
      this.#stray = event.error.message;
      this.strays++;
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

  /** @throws EngineError where WebGPU reported an error after the first `before` ones */
  checkStrays(what: string, before: number): void {
    if (this.strays > before) throw new EngineError(`${what}: ${this.#stray}`);
  }
}

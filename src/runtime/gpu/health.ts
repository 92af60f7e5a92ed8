/** What became of a device. Kept apart from its engine, which the device's own promises must not keep alive. */
import { DeviceLostError, EngineError } from "../engine.ts";

export class Health {
  /** The device is gone. */
  lost: DeviceLostError | undefined;
  /** The last error that no scope has caught, and how many there were. */
  stray: GPUError | undefined;
  strays = 0;

  constructor(readonly device: GPUDevice) {
    device.addEventListener("uncapturederror", (event) => {
      this.stray = (event as GPUUncapturedErrorEvent).error;
      this.strays++;
    });
    device.lost.then(({ reason, message }) => {
      // Whoever lost it: where it was the engine's own doing, its check() says so instead.
      this.lost = new DeviceLostError(`the GPU device was lost: ${message || reason}; connect() again`);
    });
  }

  /** Waits for the news that the device is lost, for so many milliseconds at most. */
  async news(atMost: number): Promise<void> {
    if (this.lost) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const enough = new Promise((resolve) => {
      timer = setTimeout(resolve, atMost);
    });
    await Promise.race([this.device.lost, enough]);
    clearTimeout(timer);
  }

  /** @throws EngineError when WebGPU refused something since there were `before` strays */
  checkStrays(what: string, before: number): void {
    if (this.strays > before) throw new EngineError(`${what}: ${this.stray?.message}`);
  }
}

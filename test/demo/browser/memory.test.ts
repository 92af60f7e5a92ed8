/** Starting and resetting again and again takes no more memory of the GPU. */
import type { Worker } from "playwright-core";
import { expect, it } from "vitest";
import { button, chooseSmall, expectQuiet, MINUTES, untilFigure, useDemo } from "./page.ts";

const CYCLES = 100;

const demo = useDemo();

interface Books {
  /** Bytes of buffers that were made and not destroyed. */
  bytes: number;
  buffers: number;
}

/** Keeps books of a worker's buffers from now on. */
async function keepBooks(worker: Worker): Promise<void> {
  await worker.evaluate(() => {
    const books: Books = { bytes: 0, buffers: 0 };
    Object.assign(globalThis, { books });
    const { createBuffer } = GPUDevice.prototype;
    const { destroy } = GPUBuffer.prototype;
    const alive = new WeakSet<GPUBuffer>();
    GPUDevice.prototype.createBuffer = function (descriptor) {
      const buffer = createBuffer.call(this, descriptor);
      alive.add(buffer);
      books.bytes += buffer.size;
      books.buffers++;
      return buffer;
    };
    GPUBuffer.prototype.destroy = function () {
      if (alive.delete(this)) {
        books.bytes -= this.size;
        books.buffers--;
      }
      return destroy.call(this);
    };
  });
}

function booksOf(worker: Worker): Promise<Books> {
  return worker.evaluate(() => ({ ...(globalThis as unknown as { books: Books }).books }));
}

it(
  `${CYCLES} starts and resets leave the GPU's memory as it was`,
  async () => {
    const opened = await demo.open();
    const { page } = opened;
    const worker = await opened.worker();
    await keepBooks(worker);
    await chooseSmall(page);
    const found: Books[] = [];
    const during: Books[] = [];
    for (let cycle = 0; cycle < CYCLES; cycle++) {
      await button(page, "Start").click();
      await untilFigure(page, "Step", (step) => step > 0);
      if (cycle % 10 === 0) during.push(await booksOf(worker));
      await button(page, "Reset").click();
      await button(page, "Start").waitFor();
      found.push(await booksOf(worker));
    }
    // The books see what a run takes; afterwards all of it is given back.
    expect(during.every(({ bytes }) => bytes > 1e6)).toBe(true);
    expect(found).toEqual(found.map(() => found[0]));
    expect(found[0].buffers).toBe(0);
    expectQuiet(opened);
    await page.close();
  },
  5 * MINUTES,
);

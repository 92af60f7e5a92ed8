/** Threads of WebAssembly take an isolated page: on a server without the headers, a service worker adds them. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { availableParallelism } from "node:os";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { button, expectQuiet, MINUTES, untilFigure, untilIsolated, useDemo } from "./page.ts";

const demo = useDemo({ webgpu: false });
/** Of another origin than the page. */
let elsewhere: Server;
beforeAll(async () => {
  elsewhere = createServer((_request, response) => {
    response.writeHead(200, { "access-control-allow-origin": "*" }).end("from elsewhere");
  });
  await new Promise<void>((resolve) => elsewhere.listen(0, "127.0.0.1", resolve));
});
afterAll(() => void elsewhere.close());

describe("a page that its server does not isolate", () => {
  it(
    "is isolated from its second load on, which comes by itself and once, and still fetches from elsewhere",
    async () => {
      const opened = await demo.open({ at: "?data=digits" });
      const { page, requested } = opened;
      await untilIsolated(page);
      await opened.worker();
      const loads = () => requested.filter((request) => request.isNavigationRequest()).length;
      expect(loads()).toBe(2);
      expect(await page.getByTitle(/^WebAssembly.* [2-9]\d* threads$/).count()).toBe(
        availableParallelism() > 1 ? 1 : 0,
      );
      const foreign = await page.evaluate(
        async (address) => (await fetch(address)).text(),
        `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/`,
      );
      expect(foreign).toBe("from elsewhere");
      await button(page, "Start").click();
      await untilFigure(page, "Validation accuracy", (value) => value > 90);
      expect(loads()).toBe(2);
      expectQuiet(opened);
      await page.close();
    },
    2 * MINUTES,
  );
});

/** A page's own worker, which trains in it. */
import { trainAndEnd } from "./threads.js";

addEventListener("message", async ({ data }) => postMessage(await trainAndEnd(data)));

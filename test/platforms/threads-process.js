/** Run in Node and in Deno: trains on 1, 2 and 3 threads, and leaves engines open, with which a process ends all the same. */
import { endInTheMiddle, train, trainAndEnd } from "./threads.js";

/** @type {Record<string, object | string>} */
const found = {};
for (const threads of [1, 2, 3]) found[threads] = await trainAndEnd(threads);
const { losses, features } = await train(2);
found.open = { losses, features };
found.ended = await endInTheMiddle(2);
console.log(JSON.stringify(found));

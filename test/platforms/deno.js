/** Run by `test/deno.test.ts` in Deno: prints the losses of the first steps on both engines, as JSON. */
import process from "node:process";
import { connect } from "wgrad";
import { craft, firstLosses } from "./agreement.js";

const gpu = await connect();
const result = await firstLosses(gpu, Number(process.argv[2]));
console.log(JSON.stringify({ adapter: gpu.info.adapter, ...result, craft: await craft(gpu) }));
await gpu.destroy();

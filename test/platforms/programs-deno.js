/** Run by `test/helpers/adapters.ts` in Deno: runs the programs of a file, and prints what they gave. */
import { readFileSync } from "node:fs";
import process from "node:process";
import { connect } from "wgrad";
import { runAll } from "./programs.js";

const gpu = await connect();
console.log(await runAll(gpu, readFileSync(process.argv[2], "utf8")));
await gpu.destroy();

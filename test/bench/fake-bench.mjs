// In the place of the benchmarks: its first argument says what becomes of it.
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";

const [fate, argument] = process.argv.slice(2);
/** @param {object} report */
const tell = (report) => process.stdout.write(`${JSON.stringify(report)}\n`);
const forever = () => new Promise((resolve) => setTimeout(resolve, 1e6));
const report = {
  benchmark: fate,
  adapter: "fake",
  command: fate,
  machine: {},
  text: [`${fate} has results`],
};

process.stdout.write("a driver's own words\n");
tell({ ...report, partial: true, cases: 1 });
if (fate === "hangs") await forever();
if (fate === "crashes") process.kill(process.pid, "SIGKILL");
if (fate === "fails" || fate === "lacks") {
  process.stderr.write("a warning\nbench: the reason of it\nanother warning\n");
  process.exit(fate === "fails" ? 1 : 3);
}
if (fate === "leaves") {
  // A process of its own that holds its pipes open, and says who it is.
  const child = spawn(process.execPath, ["-e", "setTimeout(() => {}, 1e6)"], { stdio: "inherit" });
  writeFileSync(argument, `${child.pid}`);
  if (process.argv[4] === "hangs") await forever();
  child.unref();
}
if (fate === "environment") tell({ ...report, partial: false, value: process.env[argument] });
else tell({ ...report, partial: false, cases: 2, arguments: process.argv.slice(3) });
process.exit(0);

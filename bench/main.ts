/** `npm run bench -- <benchmark>`: measures wgrad on this machine. */
import { CommanderError } from "commander";
import { deviceCommand } from "./device.ts";
import { epochCommand } from "./epoch.ts";
import { gpuCommand } from "./gpu.ts";
import { isaCommand } from "./isa.ts";
import { kernelsCommand } from "./kernels.ts";
import { benchmark, DEFAULT_OUT, NotHereError, PACKED, PROGRAM } from "./options.ts";
import { packCommand } from "./pack.ts";
import { peersCommand } from "./peers.ts";
import { predictCommand } from "./predict.ts";
import { profileCommand } from "./profile.ts";
import { resultsCommand } from "./results.ts";
import { scaleCommand } from "./scale.ts";
import { stepCommand } from "./step.ts";
import { streamCommand } from "./stream.ts";
import { torchCommand } from "./torch.ts";
import { verifyCommand } from "./verify.ts";

const EXIT = { success: 0, failure: 1, usage: 2, notHere: 3 } as const;

const EVERYWHERE = [
  gpuCommand,
  deviceCommand,
  verifyCommand,
  kernelsCommand,
  stepCommand,
  profileCommand,
  peersCommand,
  epochCommand,
  torchCommand,
  scaleCommand,
  streamCommand,
  predictCommand,
];
/** Commands that need the repository. */
const IN_A_CHECKOUT = [isaCommand, packCommand, resultsCommand];

const NOTES = `
Each prints a table, and writes its results as JSON and as a chart into
${DEFAULT_OUT}, or the folder of --out. Results are checked before times are
measured. Times are medians, with the lowest and the highest; contenders take
turns in one run. A benchmark's options:
  ${PROGRAM} <benchmark> --help

Exit codes: 0 done, 1 failed, 2 wrong use, 3 something to measure is not here. DEBUG=wgrad shows where an error
comes from.`;

function benchCommand() {
  const bench = benchmark(PROGRAM, "Measures wgrad on this machine.").usage("<benchmark> [options]");
  for (const command of [...EVERYWHERE, ...(PACKED ? [] : IN_A_CHECKOUT)]) bench.addCommand(command());
  return bench.addHelpText("after", NOTES);
}

async function main(args: readonly string[]): Promise<number> {
  try {
    await benchCommand().parseAsync([...args], { from: "user" });
    return EXIT.success;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.success;
    const usage = error instanceof CommanderError;
    const message = error instanceof Error ? messageOf(error) : String(error);
    const stack = process.env.DEBUG === "wgrad" && error instanceof Error ? `\n${error.stack}` : "";
    process.stderr.write(`bench: ${message.trim().replace(/\s*\n\s*/g, " ")}${stack}\n`);
    if (error instanceof NotHereError) return EXIT.notHere;
    return usage ? EXIT.usage : EXIT.failure;
  }
}

function messageOf(error: Error): string {
  if (error instanceof CommanderError && error.code === "commander.help")
    return "name a benchmark, such as step";
  return error.message.replace(/^error: /, "");
}

process.exitCode = await main(process.argv.slice(2));

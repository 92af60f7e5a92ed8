/**
 * Every kernel and variant against its CPU twin, on this machine's device: a program of its own, which `bench verify`
 * runs, and `bench pack` packs. A driver may end the process, or never answer; whoever started it goes on with another one
 * behind the case in question.
 *
 *   node twins.js [kernel] FIRST AHEAD   the cases of all kernels or of one, from this number on, so many at once
 *
 * Prints a JSON object a line: {"adapter", "kernels", "total"} before all cases; {"begins", "kernel", "variant", "shape"}
 * and {"ends", …} around each.
 */
import type { Elements } from "../../src/index.ts";
import { connect } from "../../src/index.ts";
import { kernels } from "../../src/kernels/index.ts";
import { cpu } from "../../src/runtime/cpu.ts";
import { runKernel } from "../helpers/kernel-run.ts";
import { verdictOf } from "../kernels/cases/verdict.ts";
import { runsOn, type Way, WIDE, waysOf } from "../kernels/cases/ways.ts";

const [first, ahead] = process.argv.slice(-2).map(Number);
const only = process.argv.length > 4 ? process.argv[2] : undefined;
const DEVICE_LOST = 3;

function tell(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

type Memory = Record<string, Elements>;
type Answer = { readonly memory: Memory } | { readonly error: string };

const gpu = await connect();
const twins = cpu();
if (only !== undefined && !(only in kernels)) {
  process.stderr.write(`Error: there is no kernel ${only}; there are ${Object.keys(kernels).join(", ")}\n`);
  process.exit(1);
}
const ways = waysOf([gpu.traits, ...WIDE]).filter(({ case: one }) =>
  [undefined, one.run.kernel].includes(only),
);
tell({
  adapter: gpu.info.adapter,
  kernels: only === undefined ? Object.keys(kernels) : [only],
  total: ways.length,
});

/** Begins a case on the device. */
function begin(index: number): { readonly skipped?: string; readonly answer?: Promise<Answer> } {
  const way = ways[index];
  const skipped = runsOn(gpu.traits, way.traits, way.case.run) ? undefined : "other devices' variants";
  const {
    name,
    run: { kernel },
  } = way.case;
  tell({ begins: index, kernel, variant: way.variant, shape: name });
  if (skipped !== undefined) return { skipped };
  return { answer: run(way) };
}

function run({ case: one }: Way): Promise<Answer> {
  return runKernel(gpu, one.run).then(
    (memory): Answer => ({ memory }),
    (error): Answer => ({ error: String(error?.message ?? error) }),
  );
}

async function verdict(index: number, answer: Answer) {
  if ("error" in answer) return { wrong: [answer.error], largest: Number.NaN };
  const one = ways[index].case;
  return verdictOf(one, answer.memory, await runKernel(twins, one.run));
}

/** Ends where the device is gone: then nothing more can be learnt here. */
function checkDevice(): void {
  try {
    gpu.check();
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exit(DEVICE_LOST);
  }
}

const begun: ReturnType<typeof begin>[] = [];
for (let index = first; index < ways.length; index++) {
  while (begun.length < ahead && index + begun.length < ways.length) begun.push(begin(index + begun.length));
  const { skipped, answer } = begun.shift() ?? {};
  if (answer === undefined) {
    tell({ ends: index, skipped });
    continue;
  }
  let answered = await answer;
  checkDevice();
  // The error may be that of a case beside it.
  if ("error" in answered && begun.length > 0) {
    await Promise.all(begun.map((other) => other.answer));
    answered = await run(ways[index]);
    checkDevice();
  }
  tell({ ends: index, ...(await verdict(index, answered)) });
}
await gpu.destroy();

/** What a step leaves to the garbage collector: nothing of its own. */
import { Session } from "node:inspector/promises";
import { expect, it } from "vitest";
import { digits } from "../../src/data/digits/digits.ts";
import { DEVICES, useEngines } from "../helpers/engines.ts";
import { openMlp } from "../helpers/mlp.ts";

const engines = useEngines();
const RUNS = 4;
/** Of a run. What a run takes, and V8 while it compiles, must not weigh. */
const STEPS = { gpu: 250, wasm: 1000 } as const;
/** Bytes: two numbers that V8 boxes, and a share of what a run takes, and of its losses. An object a step would be more. */
const MOST_PER_STEP = 60;

interface Node {
  readonly callFrame: { readonly url: string; readonly functionName: string };
  readonly selfSize: number;
  readonly children: readonly Node[];
}

/** Bytes allocated by code of this library, by function; but for the wait at the end of a run, which goes by time. */
function ownAllocations(node: Node, found: Record<string, number> = {}): Record<string, number> {
  const { url, functionName } = node.callFrame;
  if (url.includes("/src/") && !url.endsWith("/rest.ts"))
    found[functionName] = (found[functionName] ?? 0) + node.selfSize;
  for (const child of node.children) ownAllocations(child, found);
  return found;
}

it.each(DEVICES)("allocates next to nothing in many steps: %s", async (kind) => {
  const steps = STEPS[kind];
  const training = await openMlp(engines[kind], digits({ train: 64, test: 1 }).train, {
    batchSize: 8,
    hidden: [8],
    maxSteps: steps,
  });
  const scalars = { batchStart: 0 };
  const train = async () => {
    for (let run = 0; run < RUNS; run++) await training.step.runMany(steps, () => scalars);
  };
  // Functions that are still being compiled allocate for the compiler.
  for (let i = 0; i < 3; i++) await train();
  const session = new Session();
  session.connect();
  await session.post("HeapProfiler.startSampling", {
    samplingInterval: 128,
    includeObjectsCollectedByMajorGC: true,
    includeObjectsCollectedByMinorGC: true,
  } as object);
  await train();
  const { profile } = (await session.post("HeapProfiler.stopSampling")) as { profile: { head: Node } };
  session.disconnect();
  training.release();
  const found = ownAllocations(profile.head);
  const bytes = Object.values(found).reduce((sum, size) => sum + size, 0);
  expect(bytes / (RUNS * steps), JSON.stringify(found)).toBeLessThan(MOST_PER_STEP);
});

/** Every call of WebGPU may fail: what fails is told by an error of our own, leaves nothing behind, and ends no engine that could go on. */
import { expect, it } from "vitest";
import { create } from "webgpu";
import { product, type Site, walk } from "../../scripts/fault-walk.mjs";
import { allFaults } from "../../scripts/gpu-faults.mjs";
import { dataset } from "../../src/data/dataset.ts";
import * as wgrad from "../../src/index.ts";

/** Never dropped: a process crashes where Dawn is collected as garbage while a device of it is opened or ended. */
const dawn = create([]);

/** Walks, and expects that all went well. */
async function walked(options: Parameters<typeof walk>[2]): Promise<Site[]> {
  const sites: Site[] = [];
  for await (const site of walk({ ...wgrad, dataset }, dawn, options)) sites.push(site);
  expect(sites.filter(({ problems }) => problems.length > 0)).toEqual([]);
  return sites;
}

it("at each call site of a product that is compiled and run, in each way in which a call fails", async () => {
  // A loss costs a new engine: every third call is enough here.
  const only = ({ n, fault }: { n: number; fault: string }) => !fault.startsWith("lost") || n % 3 === 1;
  const sites = await walked({ scenario: product, only });
  const seen = new Set(sites.map(({ call, fault }) => `${call} ${fault}`));
  const missed = allFaults().filter(({ call, fault }) => !seen.has(`${call} ${fault}`));
  expect([...new Set(missed.map(({ call }) => call))]).toEqual(["createQuerySet"]);
  // Some faults are made good: a device whose immediates fail is used without, say.
  const outcomes = new Set(sites.map(({ outcome }) => outcome.replace(/:.*/s, "")));
  expect([...outcomes].sort()).toEqual(["DeviceLostError", "EngineError", "the same numbers"]);
  expect(sites.length).toBeGreaterThan(100);
}, 120_000);

it("at one call site of each kind in the midst of a training; `npm run faults` walks to all of them", async () => {
  const isMiddle = ({ call, n, count, fault }: { call: string; n: number; count: number; fault: string }) =>
    !fault.startsWith("lost") &&
    ["createBuffer", "createBindGroup", "createQuerySet", "submit", "mapAsync", "popErrorScope"].includes(
      call,
    ) &&
    n === 1 + ((fault.length + Math.floor(count / 2)) % count);
  const sites = await walked({ only: isMiddle });
  expect(sites.map(({ outcome }) => outcome.replace(/:.*/s, ""))).toEqual(sites.map(() => "EngineError"));
  expect(sites.length).toBe(11);
}, 120_000);

/**
 * The choice between the ways to compute a dispatch, by measuring them: on the device, with the program's own shapes, once.
 * Choices are kept by device and by the version of the kernels. All ways give the same to the bit, so tuning decides how
 * long a step takes, never what it computes.
 */

import { allowed } from "../../environment.ts";
import { dispatchCost } from "../../kernels/cost.ts";
import { kernels } from "../../kernels/index.ts";
import type { DeviceTraits } from "../../kernels/kernel.ts";
import { variantsOf } from "../../kernels/variants.ts";
import type { Dispatch, Program } from "../../program.ts";
import { openCache, type Store } from "../../store.ts";
import { hex } from "../../text.ts";
import type { TuneOptions } from "./connect.ts";
import { measureDispatch } from "./measure.ts";

/** Milliseconds that an engine spends on measuring, in all. */
const DEFAULT_BUDGET_MS = 1500;
/** What takes less than this is not worth a choice. */
const LEAST_FLOPS = 2e5;
/** By how much another way must be faster than the first, which is the one without tuning. */
const MARGIN = 0.97;

/** Milliseconds that a dispatch takes, as it stands. */
export type Measure = (program: Program, dispatch: Dispatch) => Promise<number>;

/** The tuner of an engine on that adapter. */
export function openTuner(
  info: GPUAdapterInfo,
  traits: DeviceTraits,
  { budget = DEFAULT_BUDGET_MS, folder }: TuneOptions,
): Tuner {
  const { vendor, architecture, device, description } = info;
  // All that WebGPU tells of device and driver; browsers tell less, but are one with their drivers' versions.
  const agent = (globalThis as { navigator?: { userAgent?: string } }).navigator?.userAgent;
  const name = [vendor, architecture, device, description, agent].filter(Boolean).join(", ");
  const store = allowed("env", "read", "write") ? openCache("tuning", folder) : undefined;
  return new Tuner(name, traits, store, budget);
}

export class Tuner {
  /** How an engine measures; loaded with its tuner. */
  readonly measure = measureDispatch;
  /** For each kind of dispatch, the way chosen among those of {@link variantsOf}, by its {@link wayOf}. */
  #choices: Record<string, string> | undefined;
  /** The tuning before: one at a time, so that none measures while another does. */
  #before: Promise<unknown> = Promise.resolve();
  #left: number;
  /** What the longest measurement so far took. */
  #dearest = 0;

  /** @param device names the device and its driver; @param store where choices are kept; without, for this engine only */
  constructor(
    readonly device: string,
    readonly traits: DeviceTraits,
    readonly store: Store | undefined,
    budget: number,
  ) {
    this.#left = budget;
  }

  /** The best way known for each dispatch of the program; measures what is not known, while the budget lasts. */
  async tune(program: Program, measure: Measure): Promise<(dispatch: Dispatch) => Dispatch> {
    const turn = this.#before.then(() => this.#tune(program, measure));
    this.#before = turn.catch(() => {});
    const choices = await turn;
    return (dispatch) => this.#chosen(dispatch, choices[keyOf(program, dispatch)]) ?? this.#ways(dispatch)[0];
  }

  #ways(dispatch: Dispatch): Dispatch[] {
    return variantsOf(dispatch, this.traits);
  }

  #chosen(dispatch: Dispatch, way: string | undefined): Dispatch | undefined {
    return this.#ways(dispatch).find((variant) => wayOf(dispatch, variant) === way);
  }

  async #tune(program: Program, measure: Measure): Promise<Readonly<Record<string, string>>> {
    this.#choices ??= await this.#load();
    const choices = this.#choices;
    const open = new Map<string, Dispatch>();
    for (const dispatch of byCost(program)) {
      const key = keyOf(program, dispatch);
      if (!this.#chosen(dispatch, choices[key]) && this.#ways(dispatch).length > 1) open.set(key, dispatch);
    }
    for (const [key, dispatch] of open) {
      const way = await this.#fastest(program, dispatch, measure);
      if (way !== undefined) choices[key] = way;
    }
    if (open.size > 0) await this.#save(choices);
    return choices;
  }

  /** Undefined where all that was tried failed: nothing is learned of kernels from a device that is gone. */
  async #fastest(program: Program, dispatch: Dispatch, measure: Measure): Promise<string | undefined> {
    const [first, ...others] = this.#ways(dispatch);
    let best = { variant: first, time: Number.POSITIVE_INFINITY };
    let tried = false;
    for (const variant of [first, ...others]) {
      // Compiling is most of it, on some devices, and not known before.
      if (this.#left <= this.#dearest) break;
      const began = performance.now();
      // A way that a driver refuses is one way less; refused again where it is the only one, it says why.
      const time = await measure(program, variant).catch(() => Number.POSITIVE_INFINITY);
      tried = true;
      const spent = performance.now() - began;
      this.#dearest = Math.max(this.#dearest, spent);
      this.#left -= spent;
      if (time < best.time * (variant === first ? 1 : MARGIN)) best = { variant, time };
    }
    return tried && best.time === Number.POSITIVE_INFINITY ? undefined : wayOf(dispatch, best.variant);
  }

  get #file(): string {
    return `tuning-${hash(`${this.device} ${KERNELS_VERSION}`)}.json`;
  }

  /** What cannot be read is as good as not there: it is measured anew. */
  async #load(): Promise<Record<string, string>> {
    try {
      const bytes = await this.store?.read(this.#file);
      return bytes ? { ...JSON.parse(new TextDecoder().decode(bytes)).choices } : {};
    } catch {
      return {};
    }
  }

  /** Where nothing can be written, the next engine measures again. */
  async #save(choices: Readonly<Record<string, string>>): Promise<void> {
    const text = JSON.stringify({ device: this.device, choices }, undefined, 1);
    await this.store?.write(this.#file, new TextEncoder().encode(text)).catch(() => {});
  }
}

/** Changes with any shader: what was measured of others means nothing. */
const KERNELS_VERSION = hash(
  Object.values(kernels)
    .map(({ shader }) => shader)
    .join(),
);

/** The dispatches worth tuning, the dearest first. */
function byCost(program: Program): Dispatch[] {
  return program.dispatches
    .map((dispatch) => ({ dispatch, flops: dispatchCost(program, dispatch).flops }))
    .filter(({ flops }) => flops >= LEAST_FLOPS)
    .sort((a, b) => b.flops - a.flops)
    .map(({ dispatch }) => dispatch);
}

/** The same for dispatches that are the same work, whatever the layer: of one kernel, sizes, hooks and types. */
function keyOf({ buffers }: Program, { kernel, constants, hooks, bindings }: Dispatch): string {
  const dtypes = Object.entries(bindings).map(([name, { buffer }]) => [name, buffers[buffer].dtype]);
  return `${kernel} ${hash(JSON.stringify([constants, hooks, dtypes]))}`;
}

/** What a variant does differently: "matmul TILE_M 16, TILE_N 8". */
function wayOf({ constants }: Dispatch, variant: Dispatch): string {
  const own = Object.entries(variant.constants).filter(([name, value]) => constants[name] !== value);
  return `${variant.kernel} ${own.map(([name, value]) => `${name} ${value}`).join(", ")}`;
}

/** FNV-1a (Fowler, Noll and Vo), 32 bits, twice over with different starts. */
function hash(text: string): string {
  let [low, high] = [0x811c9dc5, 0x01000193];
  for (let i = 0; i < text.length; i++) {
    low = Math.imul(low ^ text.charCodeAt(i), 0x01000193);
    high = Math.imul(high ^ text.charCodeAt(i), 0x01000193);
  }
  return [low, high].map((part) => hex(part >>> 0, 8)).join("");
}

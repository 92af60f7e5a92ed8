/**
 * Tuning: chooses between a dispatch's variants by measuring them once, on the device, with the program's shapes.
 * Choices are kept by device, its traits, and the version of the kernels. All variants give equal results to the bit:
 * tuning decides how long a step takes, never its results.
 */

import { allowed } from "../../environment.ts";
import { dispatchCost } from "../../kernels/cost.ts";
import { type DeviceTraits, isNarrow } from "../../kernels/kernel.ts";
import { allShaderTexts } from "../../kernels/shaders.ts";
import { variantsOf } from "../../kernels/variants.ts";
import type { Dispatch, Program } from "../../program.ts";
import { openCache, type Store } from "../../store.ts";
import { measureDispatch } from "./measure.ts";

export interface TuneOptions {
  /** Time limit of measurements in milliseconds (default 1500); the compilation under way at the end may exceed it. */
  readonly budget?: number;
  /** Folder where choices are kept, in Node and Deno (default: the user's cache folder). */
  readonly folder?: string;
}

/** Time limit of an engine's measurements in milliseconds. */
const DEFAULT_BUDGET_MS = 1500;
/** Work below this is not worth a choice: a wide device takes as long to begin it. */
const LEAST_FLOPS = { narrow: 2e5, wide: 2e6 };
/** Another variant must take less than this fraction of the first one's time; the first is the choice without tuning. */
const MARGIN = 0.97;

/** Size limit of a file of choices, in bytes: above thousands of them. Below, of one with its key, in letters. */
const MOST_BYTES = 2 ** 20;
const LONGEST_CHOICE = 1000;

/** Milliseconds of a dispatch, unchanged. */
export type Measure = (program: Program, dispatch: Dispatch) => Promise<number>;

/** The tuner of an engine on that adapter. */
export function openTuner(
  info: GPUAdapterInfo,
  traits: DeviceTraits,
  { budget = DEFAULT_BUDGET_MS, folder }: TuneOptions,
): Tuner {
  const { vendor, architecture, device, description } = info;
  // All that WebGPU reports of device and driver; a browser reports less, but its version fixes the drivers' interface.
  const agent = (globalThis as { navigator?: { userAgent?: string } }).navigator?.userAgent;
  const name = [vendor, architecture, device, description, agent].filter(Boolean).join(", ");
  const store = allowed("env", "read", "write") ? openCache("tuning", folder) : undefined;
  return new Tuner(name, traits, store, budget);
}

export class Tuner {
  /** The engine's measurement, loaded with the tuner. */
  readonly measure = measureDispatch;
  /** For each kind of dispatch, the chosen one of {@link variantsOf}, by its {@link wayOf}. */
  #choices: Record<string, string> | undefined;
  /** The tuning before: tunings run one at a time, so that measurements do not disturb each other. */
  #before: Promise<unknown> = Promise.resolve();
  #left: number;
  /** Duration of the longest measurement so far. */
  #dearest = 0;

  /**
   * @param device name of the device and its driver
   * @param store where choices are kept; without a store, for this engine only
   */
  constructor(
    readonly device: string,
    readonly traits: DeviceTraits,
    readonly store: Store | undefined,
    budget: number,
  ) {
    this.#left = budget;
  }

  /** The best known variant for each dispatch of the program; measures unknown ones while the time limit lasts. */
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
    const least = isNarrow(this.traits) ? LEAST_FLOPS.narrow : LEAST_FLOPS.wide;
    for (const dispatch of byCost(program, least)) {
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

  /** The fastest variant; undefined where all attempts failed, as on a device that is gone. */
  async #fastest(program: Program, dispatch: Dispatch, measure: Measure): Promise<string | undefined> {
    const [first, ...others] = this.#ways(dispatch);
    let best = { variant: first, time: Number.POSITIVE_INFINITY };
    let tried = false;
    for (const variant of [first, ...others]) {
      // On some devices compilation dominates, and its time is unknown before.
      if (this.#left <= this.#dearest) break;
      const began = performance.now();
      // A variant that the driver refuses is skipped; where it is the only one, compiling it again gives the reason.
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
    return `tuning-${hash(`${this.device} ${JSON.stringify(this.traits)} ${KERNELS_VERSION}`)}.json`;
  }

  /** Unreadable choices are measured again. */
  async #load(): Promise<Record<string, string>> {
    try {
      const bytes = await this.store?.read(this.#file, MOST_BYTES);
      const { choices } = JSON.parse(new TextDecoder().decode(bytes ?? new Uint8Array(0)));
      return Object.fromEntries(
        Object.entries<string>(choices).filter(
          ([key, way]) => typeof way === "string" && key.length + way.length < LONGEST_CHOICE,
        ),
      );
    } catch {
      return {};
    }
  }

  /** Where nothing can be written, the next engine measures again. */
  async #save(choices: Readonly<Record<string, string>>): Promise<void> {
    const text = JSON.stringify({ device: this.device, traits: this.traits, choices }, undefined, 1);
    await this.store?.write(this.#file, new TextEncoder().encode(text)).catch(() => {});
  }
}

/** Changes with any shader: older measurements do not apply. */
const KERNELS_VERSION = hash(allShaderTexts().join());

/** The dispatches of at least so many operations, the most expensive first. */
function byCost(program: Program, least: number): Dispatch[] {
  return program.dispatches
    .map((dispatch) => ({ dispatch, flops: dispatchCost(program, dispatch).flops }))
    .filter(({ flops }) => flops >= least)
    .sort((a, b) => b.flops - a.flops)
    .map(({ dispatch }) => dispatch);
}

/** Equal for dispatches of equal work in any layer: of the same kernel, sizes, hooks and types. */
function keyOf({ buffers }: Program, { kernel, constants, hooks, bindings }: Dispatch): string {
  const dtypes = Object.entries(bindings).map(([name, { buffer }]) => [name, buffers[buffer].dtype]);
  return `${kernel} ${hash(JSON.stringify([constants, hooks, dtypes]))}`;
}

/** What a variant changes: "matmul TILE_M 16, TILE_N 8". */
function wayOf({ constants }: Dispatch, variant: Dispatch): string {
  const own = Object.entries(variant.constants).filter(([name, value]) => constants[name] !== value);
  return `${variant.kernel} ${own.map(([name, value]) => `${name} ${value}`).join(", ")}`;
}

/** FNV-1a (Fowler, Noll and Vo), 32 bits, twice with different starts. */
function hash(text: string): string {
  let [low, high] = [0x811c9dc5, 0x01000193];
  for (let i = 0; i < text.length; i++) {
    low = Math.imul(low ^ text.charCodeAt(i), 0x01000193);
    high = Math.imul(high ^ text.charCodeAt(i), 0x01000193);
  }
  return [low, high].map((part) => (part >>> 0).toString(16).padStart(8, "0")).join("");
}

/** Compiled pipelines and the layouts they share, each created once. */
import { NUMBERS_BINDING } from "../../kernels/kernel.ts";
import type { Launch, LaunchBinding } from "../../kernels/specialise.ts";
import { launchesOf, launchName, type Program } from "../../program.ts";
import { giveTurn, turnIsDue } from "../../turns.ts";
import { EngineError } from "../engine.ts";
import { IMMEDIATE_BYTES, ShaderStage } from "./constants.ts";
import { scoped } from "./scopes.ts";

export interface BindingLayout extends LaunchBinding {
  /** Whether the offset changes from step to step, as an output's does. */
  readonly dynamic: boolean;
}

export interface PreparedPipeline {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
  /** In ascending order of binding numbers, which is also the order of dynamic offsets. */
  readonly bindings: readonly BindingLayout[];
  /** Contents of the uniform at {@link NUMBERS_BINDING}, in words; empty where there is none. */
  readonly numbers: Uint32Array<ArrayBuffer>;
  readonly grid: readonly [number, number, number];
}

/** The pipelines of a program, by launch. */
export interface PreparedProgram {
  readonly pipelines: readonly PreparedPipeline[];
  /** Ends the program's use of the pipelines. */
  readonly release: () => void;
}

/** A pipeline with its layout, and the number of programs that use it. */
interface Compiled {
  readonly made: Promise<Pick<PreparedPipeline, "pipeline" | "layout">>;
  users: number;
}

/** Number of unused pipelines that are kept: a program compiled again, as for the next fold, finds its own. */
const MOST_IDLE = 64;

export class PipelineCache {
  #stepLayout: GPUBindGroupLayout | undefined;
  readonly #layouts = new Map<string, GPUBindGroupLayout>();
  readonly #compiled = new Map<string, Compiled>();
  /** Keys of unused pipelines, the longest unused first. */
  readonly #idle = new Set<string>();
  readonly #compiling = new Set<Promise<unknown>>();

  constructor(readonly device: GPUDevice) {}

  /**
   * Group 0 of every pipeline, unless step scalars are immediates: the current row of the step table. To be called in error
   * scopes.
   */
  get stepLayout(): GPUBindGroupLayout {
    this.#stepLayout ??= this.device.createBindGroupLayout({
      label: "step table",
      entries: [
        { binding: 0, visibility: ShaderStage.COMPUTE, buffer: { type: "uniform", hasDynamicOffset: true } },
      ],
    });
    return this.#stepLayout;
  }

  /** Number of pipelines, in use or kept. */
  get size(): number {
    return this.#compiled.size;
  }

  /**
   * Compiles the pipelines of a program concurrently.
   * @throws EngineError naming the kernel that does not compile; no pipeline is then in use
   */
  async prepare(program: Program): Promise<PreparedProgram> {
    const { specialiseLaunch, numberWords } = await import("../../kernels/specialise.ts");
    const used: string[] = [];
    const release = () => {
      for (const key of used.splice(0)) this.#disuse(key);
    };
    const specialised: (Launch & { readonly name: string })[] = [];
    for (const dispatches of launchesOf(program)) {
      if (turnIsDue()) await giveTurn();
      specialised.push({ name: launchName(dispatches), ...specialiseLaunch(program, dispatches) });
    }
    const launches: Promise<PreparedPipeline>[] = [];
    for (const launch of specialised) {
      if (turnIsDue()) await giveTurn();
      const preparing = this.#prepare(program, launch, numberWords(launch.numbers), used);
      preparing.catch(() => {}); // Settled below.
      launches.push(preparing);
    }
    const results = await Promise.allSettled(launches);
    const failed = results.find((result) => result.status === "rejected");
    if (failed) {
      release();
      throw failed.reason;
    }
    return { pipelines: await Promise.all(launches), release };
  }

  /** Resolves once nothing is being compiled. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#compiling);
  }

  async #prepare(
    program: Program,
    { name, code, entryPoint, grid, ...launch }: Launch & { readonly name: string },
    numbers: Uint32Array<ArrayBuffer>,
    used: string[],
  ): Promise<PreparedPipeline> {
    const bindings = launch.bindings.map((binding) => ({
      ...binding,
      dynamic: program.buffers[binding.view.buffer].kind === "output",
    }));
    const layoutKey = bindings
      .map(({ binding, access, dynamic }) => `${binding}${access}${dynamic}`)
      .concat(numbers.length > 0 ? "numbers" : [])
      .join(" ");
    const immediates = program.immediates ? "immediates" : "";
    const key = `${entryPoint}\n${layoutKey} ${immediates}\n${code}`;
    let compiled = this.#compiled.get(key);
    if (!compiled) {
      const made = this.#compile(name, entryPoint, code, () => {
        const layout = this.#layout(layoutKey, bindings, numbers.length > 0);
        const layouts = program.immediates
          ? { bindGroupLayouts: [null, layout], immediateSize: IMMEDIATE_BYTES }
          : { bindGroupLayouts: [this.stepLayout, layout] };
        return { layout, layouts };
      }).catch((error) => {
        // The cause may be a layout, which is then made anew, too.
        this.#layouts.delete(layoutKey);
        this.#stepLayout = undefined;
        throw error;
      });
      compiled = { made, users: 0 };
      this.#compiled.set(key, compiled);
      this.#watch(key, made);
    }
    compiled.users++;
    this.#idle.delete(key);
    used.push(key);
    return { ...(await compiled.made), bindings, numbers, grid };
  }

  /** Tracks a compilation; the next request repeats a failed one. */
  #watch(key: string, made: Promise<unknown>): void {
    this.#compiling.add(made);
    made.catch(() => this.#compiled.delete(key)).finally(() => this.#compiling.delete(made));
  }

  #disuse(key: string): void {
    const compiled = this.#compiled.get(key);
    if (!compiled || --compiled.users > 0) return;
    this.#idle.add(key);
    if (this.#idle.size <= MOST_IDLE) return;
    const [oldest] = this.#idle;
    this.#idle.delete(oldest);
    this.#compiled.delete(oldest);
  }

  /** To be called in error scopes. */
  #layout(key: string, bindings: readonly BindingLayout[], numbers: boolean): GPUBindGroupLayout {
    const known = this.#layouts.get(key);
    if (known) return known;
    const visibility = ShaderStage.COMPUTE;
    const entries = bindings.map(({ binding, access, dynamic }): GPUBindGroupLayoutEntry => {
      const type = access === "read" ? "read-only-storage" : "storage";
      return { binding, visibility, buffer: { type, hasDynamicOffset: dynamic } };
    });
    if (numbers) entries.push({ binding: NUMBERS_BINDING, visibility, buffer: { type: "uniform" } });
    const layout = this.device.createBindGroupLayout({ label: key, entries });
    this.#layouts.set(key, layout);
    return layout;
  }

  async #compile(
    what: string,
    entryPoint: string,
    code: string,
    layoutsOf: () => { readonly layout: GPUBindGroupLayout; readonly layouts: GPUPipelineLayoutDescriptor },
  ): Promise<Pick<PreparedPipeline, "pipeline" | "layout">> {
    const { device } = this;
    const { value, error } = scoped(device, () => {
      const module = device.createShaderModule({ label: what, code });
      const { layout, layouts } = layoutsOf();
      const descriptor = { label: what, layout: device.createPipelineLayout({ label: what, ...layouts }) };
      const compute = { module, entryPoint };
      return { layout, pipeline: device.createComputePipelineAsync({ ...descriptor, compute }) };
    });
    const [compiled, scopes] = await Promise.allSettled([value?.pipeline, error]);
    // WebGPU's own message says more than its consequence.
    const refused = scopes.status === "fulfilled" ? scopes.value : undefined;
    if (value && compiled.status === "fulfilled" && !refused) {
      if (scopes.status === "rejected") throw scopes.reason;
      return { pipeline: compiled.value as GPUComputePipeline, layout: value.layout };
    }
    const cause = refused ?? (compiled as PromiseRejectedResult).reason;
    const problem = refused?.message ?? String(cause);
    throw new EngineError(`kernel ${what} does not compile: ${problem}\n${numbered(code)}`, { cause });
  }
}

function numbered(code: string): string {
  return code
    .split("\n")
    .map((line, i) => `${String(i + 1).padStart(4)} ${line}`)
    .join("\n");
}

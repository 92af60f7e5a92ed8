/** Compiled pipelines and the layouts they share, each made once. */
import { type LaunchBinding, specialiseLaunch } from "../../kernels/launch.ts";
import type { Dispatch, Program } from "../../program.ts";
import { EngineError } from "../engine.ts";
import { ShaderStage } from "./constants.ts";

export interface BindingLayout extends LaunchBinding {
  /** Whether the place moves from step to step, as that of an output does. */
  readonly dynamic: boolean;
}

export interface PreparedPipeline {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
  /** In ascending order of binding numbers, which is also the order of dynamic offsets. */
  readonly bindings: readonly BindingLayout[];
  readonly grid: readonly [number, number, number];
}

/** For people: "matmul (0.dense)". */
export function launchName(dispatches: readonly Dispatch[]): string {
  return dispatches.map(({ kernel, label }) => `${kernel} (${label})`).join(" + ");
}

export class PipelineCache {
  /** Group 0 of every pipeline: the current row of the step table. */
  readonly stepLayout: GPUBindGroupLayout;
  readonly #layouts = new Map<string, GPUBindGroupLayout>();
  readonly #pipelines = new Map<string, Promise<GPUComputePipeline>>();

  constructor(readonly device: GPUDevice) {
    this.stepLayout = device.createBindGroupLayout({
      label: "step table",
      entries: [
        { binding: 0, visibility: ShaderStage.COMPUTE, buffer: { type: "uniform", hasDynamicOffset: true } },
      ],
    });
  }

  /** The pipeline of a launch. Compilation runs beside that of others: await them together. */
  async prepare(program: Program, dispatches: readonly Dispatch[]): Promise<PreparedPipeline> {
    const { code, entryPoint, grid, ...launch } = specialiseLaunch(program, dispatches);
    const bindings = launch.bindings.map((binding) => ({
      ...binding,
      dynamic: program.buffers[binding.view.buffer].kind === "output",
    }));
    const key = bindings.map(({ binding, access, dynamic }) => `${binding}${access}${dynamic}`).join(" ");
    const layout = this.#layout(key, bindings);
    const pipelineKey = `${entryPoint}\n${key}\n${code}`;
    let compiled = this.#pipelines.get(pipelineKey);
    if (!compiled) {
      compiled = this.#compile(launchName(dispatches), entryPoint, layout, code);
      this.#pipelines.set(pipelineKey, compiled);
    }
    return { pipeline: await compiled, layout, bindings, grid };
  }

  #layout(key: string, bindings: readonly BindingLayout[]): GPUBindGroupLayout {
    const known = this.#layouts.get(key);
    if (known) return known;
    const layout = this.device.createBindGroupLayout({
      label: key,
      entries: bindings.map(({ binding, access, dynamic }) => ({
        binding,
        visibility: ShaderStage.COMPUTE,
        buffer: { type: access === "read" ? "read-only-storage" : "storage", hasDynamicOffset: dynamic },
      })),
    });
    this.#layouts.set(key, layout);
    return layout;
  }

  async #compile(
    what: string,
    entryPoint: string,
    layout: GPUBindGroupLayout,
    code: string,
  ): Promise<GPUComputePipeline> {
    const { device } = this;
    device.pushErrorScope("validation");
    const module = device.createShaderModule({ label: what, code });
    const bindGroupLayouts = [this.stepLayout, layout];
    const pipelineLayout = device.createPipelineLayout({ label: what, bindGroupLayouts });
    const scope = device.popErrorScope();
    try {
      const pipeline = await device.createComputePipelineAsync({
        label: what,
        layout: pipelineLayout,
        compute: { module, entryPoint },
      });
      await scope;
      return pipeline;
    } catch (cause) {
      const problem = (await scope)?.message ?? String(cause);
      throw new EngineError(`kernel ${what} does not compile: ${problem}\n${numbered(code)}`, { cause });
    }
  }
}

function numbered(code: string): string {
  return code
    .split("\n")
    .map((line, i) => `${String(i + 1).padStart(4)} ${line}`)
    .join("\n");
}

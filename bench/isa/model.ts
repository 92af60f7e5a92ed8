/**
 * A model of a step's time on a GPU that is not at hand, from three of its figures. It is a model and no measurement: each
 * launch takes the longer of its arithmetic, at the bound that its code leaves, and its bytes, each moved once; and
 * starting a launch takes the same time for all.
 */
import { InvalidArgumentError } from "commander";
import { decimal } from "../../presets/command.ts";

export interface GpuFigures {
  /** FLOPs a second of multiply-adds in f32. */
  readonly flops: number;
  /** Bytes a second, from memory and to it. */
  readonly bytes: number;
  /** Seconds from one launch to the next. */
  readonly launch: number;
}

/** With powers of ten. */
const UNITS: Readonly<Record<string, readonly [keyof GpuFigures, number]>> = {
  GFLOPS: ["flops", 9],
  TFLOPS: ["flops", 12],
  GBPS: ["bytes", 9],
  TBPS: ["bytes", 12],
  US: ["launch", -6],
};

/** Reads "10TFLOPS,300GBPS,5US". @throws InvalidArgumentError */
export function gpuFigures(text: string): GpuFigures {
  const figures: Partial<Record<keyof GpuFigures, number>> = {};
  for (const part of text.split(",")) {
    const [, number = "", unit = ""] = /^([\d.]+)([A-Za-z]+)$/.exec(part.trim()) ?? [];
    const [figure, power] = UNITS[unit.toUpperCase()] ?? [];
    const value = decimal(`${number}e${power}`);
    if (
      figure === undefined ||
      figures[figure] !== undefined ||
      !(value >= 0 && (value > 0 || figure === "launch"))
    )
      throw wrongFigures();
    figures[figure] = value;
  }
  const { flops, bytes, launch } = figures;
  if (flops === undefined || bytes === undefined || launch === undefined) throw wrongFigures();
  return { flops, bytes, launch };
}

function wrongFigures() {
  return new InvalidArgumentError(
    "Expected multiply-adds, memory and the time of a launch, such as 10TFLOPS,300GBPS,5US.",
  );
}

/** What the model needs to know of a launch. */
export interface ModelledLaunch {
  readonly flops: number;
  readonly bytes: number;
  /** Share of the f32 ceiling; undefined for a launch without products. */
  readonly bound?: number;
  /** Share of its multiply-adds that are part of the result (default 1). */
  readonly useful?: number;
}

/** Seconds: of a step those that its launches spend in arithmetic, in moving bytes, and in being launched. */
export interface ModelTime {
  readonly total: number;
  readonly arithmetic: number;
  readonly bytes: number;
  readonly launches: number;
}

/** Without products, an instruction does one operation, of the two that a multiply-add does. */
const WITHOUT_PRODUCTS = 0.5;

/** The time of a launch, which is either in arithmetic or in bytes. */
export function launchTime(launch: ModelledLaunch, gpu: GpuFigures): ModelTime {
  const { flops, bytes, bound = WITHOUT_PRODUCTS, useful = 1 } = launch;
  const arithmetic = flops === 0 ? 0 : flops / (gpu.flops * bound * useful);
  const moving = bytes / gpu.bytes;
  return arithmetic > moving
    ? { total: arithmetic + gpu.launch, arithmetic, bytes: 0, launches: gpu.launch }
    : { total: moving + gpu.launch, arithmetic: 0, bytes: moving, launches: gpu.launch };
}

/** The launches of a step run one after the other. */
export function stepTime(launches: readonly ModelledLaunch[], gpu: GpuFigures): ModelTime {
  const times = launches.map((launch) => launchTime(launch, gpu));
  const sum = (part: keyof ModelTime) => times.reduce((all, time) => all + time[part], 0);
  return {
    total: sum("total"),
    arithmetic: sum("arithmetic"),
    bytes: sum("bytes"),
    launches: sum("launches"),
  };
}

/** The figures that one asks for first, out of the reports of all runs. */
import { significant } from "../measure.ts";
import type { Measured } from "./measure.ts";

/** What reports hold that figures are made of. A run that was cut off has what it got to. */
interface Known {
  readonly benchmark: string;
  readonly ceiling?: { readonly flops: number };
  readonly kernels?: readonly { readonly kernel: string; readonly shape: string; readonly share: number }[];
  readonly total?: number;
  readonly done?: number;
  readonly failures?: readonly unknown[];
  readonly layers?: readonly (string | number)[];
  readonly batch?: number;
  readonly msPerStep?: number;
  readonly flopsPerStep?: number;
  readonly model?: string;
  readonly dataset?: string;
  readonly runs?: readonly {
    readonly points: readonly { readonly accuracy: number; readonly seconds: number }[];
  }[];
  readonly targets?: readonly {
    readonly accuracy: number;
    readonly reached: number;
    readonly seconds?: { readonly median: number };
  }[];
  readonly what?: string;
  readonly rows?: readonly { readonly name: string; readonly ratio: number }[];
  readonly entries?: readonly {
    readonly library: string;
    readonly backend: string;
    readonly ratio?: number;
  }[];
  readonly size?: number;
}

/** A figure with its name; NaN never is one. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly text: string;
}

export function figuresOf({ device, parts }: Measured): Figure[] {
  const reports = [device, ...parts.flatMap(({ runs }) => runs)].flatMap(({ report }) =>
    report ? [report as unknown as Known] : [],
  );
  const flops = reports.reduce((most, { ceiling }) => Math.max(most, ceiling?.flops ?? 0), 0);
  return reports
    .flatMap((report) => figuresOfReport(report, flops))
    .filter(({ value }) => !Number.isNaN(value));
}

function figuresOfReport(report: Known, flops: number): Figure[] {
  switch (report.benchmark) {
    case "verify":
      return verifyFigures(report);
    case "kernels":
      return kernelFigures(report);
    case "step":
      return stepFigures(report, flops);
    case "epoch":
      return epochFigures(report);
    case "torch":
    case "peers":
    case "peers-matmul":
      return rivalFigures(report);
    default:
      return [];
  }
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

function verifyFigures({ done = 0, total = 0, failures = [] }: Known): Figure[] {
  const text = `${failures.length} of ${done} tried, of ${total} in all`;
  return [{ name: "kernels that disagree with their twins", value: failures.length, text }];
}

/** Square products, by their size. */
function kernelFigures({ kernels = [] }: Known): Figure[] {
  return kernels.flatMap(({ shape, share }) => {
    const size = /^NN (\d+) × \1 · \1 × \1$/.exec(shape)?.[1];
    if (size === undefined) return [];
    return [{ name: `product ${size}, share of the measured peak`, value: share, text: percent(share) }];
  });
}

function stepFigures({ layers = [], batch, msPerStep, flopsPerStep = 0 }: Known, flops: number): Figure[] {
  if (msPerStep === undefined) return [];
  const name = `step of ${layers.join("-")}, batch ${batch}`;
  const figures = [{ name: `${name}, ms`, value: msPerStep, text: significant(msPerStep) }];
  if (flops === 0) return figures;
  const share = flopsPerStep / (msPerStep / 1000) / flops;
  return [...figures, { name: `${name}, share of the measured peak`, value: share, text: percent(share) }];
}

function epochFigures({ model, dataset, runs = [], targets = [] }: Known): Figure[] {
  const last = runs.flatMap(({ points }) => points.slice(-1));
  if (last.length === 0) return [];
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const name = `${model} on ${dataset}`;
  const accuracy = mean(last.map((point) => point.accuracy));
  const seconds = mean(last.map((point) => point.seconds));
  return [
    {
      name: `${name}, mean accuracy in the end`,
      value: accuracy,
      text: `${(100 * accuracy).toFixed(2)} % of ${last.length} seeds`,
    },
    { name: `${name}, mean seconds of training`, value: seconds, text: significant(seconds) },
    ...targets.flatMap(({ accuracy, reached, seconds }) => {
      if (!seconds) return [];
      const text = `${significant(seconds.median)} (${reached} of ${runs.length} seeds)`;
      return [{ name: `${name}, seconds to ${accuracy} %`, value: seconds.median, text }];
    }),
  ];
}

/** How many times as fast wgrad is as others. */
function rivalFigures({ what, layers, batch, size, rows = [], entries = [] }: Known): Figure[] {
  const work =
    what ??
    (layers ? `One training step of ${layers.join("-")}, batch ${batch}` : `Products of ${size} × ${size}`);
  const rivals = [
    ...rows.map(({ name, ratio }) => ({ name, ratio })),
    ...entries.map(({ library, ratio }) => ({ name: library, ratio })),
  ];
  return rivals.flatMap(({ name, ratio }) => {
    if (ratio === undefined || name.startsWith("wgrad")) return [];
    return [{ name: `${work}: ${name}, times wgrad's time`, value: ratio, text: significant(ratio) }];
  });
}

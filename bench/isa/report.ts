/** What was found out about the code of steps, in tables and as a chart. */
import type { DeviceTraits } from "wgrad/inspect";
import type { ChartSpec } from "../../charts/spec.ts";
import { table } from "../../src/text.ts";
import { significant } from "../measure.ts";
import type { Report } from "../report.ts";
import type { Examined, LaunchCode, LaunchResult, StepResult } from "./examine.ts";
import { FAMILIES, type Family } from "./families.ts";
import { type GpuFigures, launchTime, type ModelTime, stepTime } from "./model.ts";

const percent = (share: number | undefined) => (share === undefined ? "–" : `${Math.round(share * 100)} %`);
const microseconds = (seconds: number) => `${significant(seconds * 1e6)} µs`;

export interface IsaReportOptions {
  readonly traits: DeviceTraits;
  /** Whether the disassemblies are among the report's files. */
  readonly asm?: boolean;
  /** A GPU to model the step's time on. */
  readonly gpu?: GpuFigures;
}

export function isaReport(
  { steps, driver, assembly }: Examined,
  { traits, asm, gpu }: IsaReportOptions,
): Report {
  const size = traits.subgroupSize ?? "none";
  const files = asm ? Object.entries(assembly).map(([name, text]) => [`-${name}.s`, text]) : [];
  return {
    name: `isa-${steps.map(({ name }) => name).join("-")}-${size}`,
    lines: [
      ...steps.flatMap((step) => stepLines(step, gpu)),
      "Registers, waves: vector registers of a lane, and waves that a SIMD holds at once. Multiply-adds, slots (turns of the vector unit), accesses",
      "of workgroup memory (shared), loads: of a turn of the loop that adds up products, or of the whole where it was unrolled; of several parts,",
      "the worst. Bound: the largest share of the f32 ceiling that this leaves, times the lanes at work; workgroup memory, caches and waits come on",
      "top. Useful: the share of the multiply-adds that is part of the result, as tiles stick out over its edges. Nothing was run or timed.",
      ...silentFamilies(steps),
      ...(gpu ? modelNote(gpu) : []),
      `Compiled by RADV of ${driver}, as a device of ${sizeInWords(traits)}, ${traits.workgroupBytes} bytes and ${traits.workgroupInvocations} invocations a workgroup is given it.`,
    ],
    object: {
      benchmark: "isa",
      adapter: `RADV of ${driver}, on no device`,
      traits,
      ...(gpu ? { gpu } : {}),
      steps: gpu ? steps.map((step) => ({ ...step, model: modelOf(step, gpu) })) : steps,
    },
    chart: chartOf(steps),
    files: Object.fromEntries(files),
  };
}

/** Families whose code this machine's driver cannot disassemble. */
function silentFamilies(steps: readonly StepResult[]): string[] {
  const codes = steps.flatMap(({ launches }) => launches.flatMap(({ code }) => code));
  const silent = new Set(codes.filter(({ innerLoop }) => !innerLoop).map(({ family }) => FAMILIES[family]));
  if (silent.size === 0) return [];
  return [
    `${[...silent].join(", ")}: statistics only, as the LLVM of this machine's driver does not disassemble it.`,
  ];
}

function sizeInWords({ subgroupSize }: DeviceTraits): string {
  return subgroupSize === undefined ? "varying subgroups" : `subgroups of ${subgroupSize}`;
}

const HEADINGS = "launch|MFLOP|workgroups|invocations|useful".split("|");
const CODE_HEADINGS =
  "GPU|registers|spills|scratch|shared bytes|waves|code bytes|multiply-adds|slots|shared|loads|lanes|bound".split(
    "|",
  );
const GPU_COLUMN = HEADINGS.length;

function stepLines(step: StepResult, gpu: GpuFigures | undefined): string[] {
  const { title, launches, bound } = step;
  const rows = launches.flatMap((launch) =>
    launch.code.map((code, i) => [
      ...(i === 0 ? launchCells(launch) : HEADINGS.map(() => "")),
      ...codeCells(code),
      ...(gpu ? [modelCell(launchTime({ ...launch, bound: code.bound }, gpu))] : []),
    ]),
  );
  const headings = [...HEADINGS, ...CODE_HEADINGS, ...(gpu ? ["model"] : [])];
  const bounds = Object.entries(bound).map(
    ([family, share]) => `${FAMILIES[family as Family]} ${percent(share)}`,
  );
  return [
    title,
    "",
    ...table([headings, ...rows], (column) => column > 0 && column !== GPU_COLUMN),
    "",
    bounds.length > 0
      ? `All products and convolutions, each at its bound: ${bounds.join(", ")} of the f32 ceiling.`
      : "No launch has a bound.",
    ...(gpu ? modelLines(step, gpu) : []),
    "",
  ];
}

function launchCells({ name, flops, workgroups, workgroup, useful }: LaunchResult): string[] {
  return [name, (flops / 1e6).toFixed(2), workgroups.join("×"), workgroup.join("×"), percent(useful)];
}

function codeCells(code: LaunchCode): string[] {
  const { family, registers, spills, scratchBytes, workgroupBytes, wavesPerSimd, codeBytes, lanes, bound } =
    code;
  const { multiplyAdds, slots, workgroupAccesses, loads } = code.innerLoop ?? {};
  const numbers = [registers, spills, scratchBytes, workgroupBytes, wavesPerSimd, codeBytes];
  const counts = [multiplyAdds, slots, workgroupAccesses, loads].map((count) => count ?? "–");
  return [FAMILIES[family], ...[...numbers, ...counts].map(String), percent(lanes), percent(bound)];
}

function modelCell({ total, arithmetic, bytes, launches }: ModelTime): string {
  const longest = Math.max(arithmetic, bytes, launches);
  const of = longest === launches ? "launch" : longest === arithmetic ? "arithmetic" : "bytes";
  return `${microseconds(total)}, ${of}`;
}

function modelOf({ launches, bound }: StepResult, gpu: GpuFigures): Partial<Record<Family, ModelTime>> {
  return Object.fromEntries(
    launches[0].code.flatMap(({ family }, i) =>
      bound[family] === undefined
        ? []
        : [
            [
              family,
              stepTime(
                launches.map((launch) => ({ ...launch, bound: launch.code[i].bound })),
                gpu,
              ),
            ],
          ],
    ),
  );
}

function modelLines(step: StepResult, gpu: GpuFigures): string[] {
  return Object.entries(modelOf(step, gpu)).map(
    ([family, { total, arithmetic, bytes, launches }]) =>
      `Model, ${FAMILIES[family as Family]}'s code: ${microseconds(total)} a step, of these ${microseconds(arithmetic)} arithmetic, ${microseconds(bytes)} bytes, ${microseconds(launches)} launches.`,
  );
}

function modelNote({ flops, bytes, launch }: GpuFigures): string[] {
  return [
    `Model: a GPU of ${significant(flops / 1e12)} TFLOPS, ${significant(bytes / 1e9)} GB/s and ${microseconds(launch)} a launch. Each launch takes the longer of its arithmetic, at its`,
    "bound, and its bytes, each moved once; then comes its start. It is a model of no GPU in particular, and no measurement.",
  ];
}

function chartOf(steps: readonly StepResult[]): ChartSpec {
  const families = steps[0].launches[0].code.map(({ family }) => family);
  return {
    kind: "bars",
    title: "What the code of a step leaves of the f32 ceiling",
    categories: steps.map(({ title }) => title.replace(/^One training step of /, "")),
    value: { name: "upper bound on the share of the f32 ceiling", unit: "%" },
    series: families.map((family) => ({
      name: FAMILIES[family],
      values: steps.map(({ bound }) => (bound[family] ?? 0) * 100),
    })),
  };
}

/** What is known of the first number of a training step that is not finite. */
import { formatShape, type Shape } from "../../program.ts";

/** The first number that was not finite: in which step, where, and how large numbers were before. */
export interface DivergenceReport {
  /** Number of the step, from 1, as `trainer.steps` counts. */
  readonly step: number;
  readonly epoch: number;
  /**
   * Where the number was: in the model before the step (`parameter`, `statistic`), in the optimizer's memory (`moment`),
   * in the batch (`input`, `target`), among the numbers that a step is given, such as the learning rate (`scalar`), or in
   * the result of an `op` whose operands were finite. `unknown` where no single launch shows such a number.
   */
  readonly place: "parameter" | "statistic" | "moment" | "input" | "target" | "scalar" | "op" | "unknown";
  /** Part of the step that the op belongs to. */
  readonly phase?: "forward" | "backward" | "update";
  /** Layer of the op, with its position, such as `4.dense`; or another part of the step, such as `loss`. */
  readonly layer?: string;
  /** Name of the op, such as `log`. */
  readonly op?: string;
  /** Name of the tensor, as in files of weights: `2.weight`, `second of 2.weight`, `gradient of 2.weight`. */
  readonly tensor?: string;
  readonly shape?: Shape;
  /** Position of the number in the tensor, row-major; of an input or a target, in its sample. */
  readonly element?: number;
  /** Number of the sample in the data set, for an input or a target. */
  readonly sample?: number;
  /** Names of the parameters whose gradients are not finite in that step, where the op is of the backward pass. */
  readonly gradients?: readonly string[];
  /** The number itself: NaN, Infinity or -Infinity. */
  readonly value?: number;
  /** Largest finite magnitudes before it: among the operands of the op, and in the step so far. */
  readonly largest?: { readonly operands: number; readonly step: number };
}

/** The report as a clause of an error's message. */
export function reportInWords(report: DivergenceReport): string {
  const { step, epoch } = report;
  return `step ${step.toLocaleString("en")} (epoch ${epoch}): ${findingInWords(report)}`;
}

function findingInWords(report: DivergenceReport): string {
  const { place, phase, layer, op, tensor = "", shape = [], element = 0, sample, value, largest } = report;
  const at = shape.length > 0 ? ` at element ${element} of ${formatShape(shape)}` : "";
  switch (place) {
    case "parameter":
    case "statistic":
    case "moment":
      return `${tensor} held ${value}${at} before the step`;
    case "input":
    case "target":
      return `the ${place} of sample ${sample} is ${value}${at}`;
    case "scalar":
      return `${tensor} is ${value}`;
    case "op": {
      const part = layer ?? "the loss";
      const where = { forward: part, backward: `the gradient of ${part}`, update: `the ${part}` }[
        phase ?? "forward"
      ];
      const result = `tensor ${tensor ? `${tensor} ` : ""}${formatShape(shape)}`;
      const before = largest
        ? `, the largest number before was ${Number(largest.operands.toPrecision(2))}`
        : "";
      return `${op} in ${where} made ${value} of finite numbers (${result}${before})`;
    }
    case "unknown":
      return "no launch shows where, as far as the step could be taken again launch by launch";
  }
}

/** The conclusion from the two neurons, in a sentence or two. */
import { significant } from "../../widgets/numbers.ts";
import { epochsToLearn, LEARNED, type Learning } from "./settings.ts";

/** `over`: whether both have come to their end. */
export function verdict([quadratic, crossEntropy]: readonly Learning[], over: boolean): string {
  const start = quadratic.outputs[0];
  if (start < LEARNED)
    return `The neuron says ${significant(start)} from the start: there is almost nothing to learn. Give the neuron a larger weight or bias.`;
  // The sigmoid's slope where it says so.
  const slope = start * (1 - start);
  const why = `At the start the neuron says ${significant(start)}, where the slope of the sigmoid is ${significant(slope, 2)} (0.25 at most). The quadratic cost's gradient is multiplied by that slope, cross-entropy's is not.`;
  const [slow, fast] = [epochsToLearn(quadratic), epochsToLearn(crossEntropy)];
  if (!over && (slow === undefined || fast === undefined)) return why;
  const last = quadratic.outputs.length - 1;
  if (slow !== undefined && fast !== undefined)
    return `${why} Until the output was below ${LEARNED}, learning took ${slow} epochs with the quadratic cost and ${fast} with cross-entropy: ${significant(slow / fast, 2)} times as many.`;
  if (fast !== undefined)
    return `${why} With cross-entropy the output was below ${LEARNED} after ${fast} epochs; with the quadratic cost not even after ${last}.`;
  return `${why} Neither was below ${LEARNED} after ${last} epochs: try a larger learning rate.`;
}

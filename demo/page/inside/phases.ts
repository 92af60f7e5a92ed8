/** Which part of a training step a launch belongs to. */
import type { LaunchDetails } from "wgrad/inspect";

export const PHASES = {
  forward: { label: "forward", color: 1 },
  loss: { label: "loss and its gradient", color: 5 },
  backward: { label: "backward", color: 2 },
  update: { label: "update", color: 3 },
  several: { label: "several of these", color: 6 },
} as const;

export type Phase = keyof typeof PHASES;

/**
 * The phase of each launch of a step, by what its dispatches write and by their labels, which say what was
 * differentiated. Launches behind the last gradient are the update, however many an optimizer needs.
 */
export function phasesOf(launches: readonly LaunchDetails[]): Phase[] {
  const writesState = ({ dispatches }: LaunchDetails, wanted: string) =>
    dispatches.some(({ writes }) => writes.some(({ kind, name }) => kind === "state" && name === wanted));
  const lastGradient = launches.findLastIndex((launch) => writesState(launch, "gradients"));
  return launches.map((launch, i): Phase => {
    if (i > lastGradient || writesState(launch, "parameters")) return "update";
    const phases = new Set(
      launch.dispatches.map(({ kernel, label }): Phase => {
        if (kernel === "crossEntropy") return "loss";
        return label.endsWith(" backward") ? "backward" : "forward";
      }),
    );
    const [first] = phases;
    return phases.size === 1 ? first : "several";
  });
}

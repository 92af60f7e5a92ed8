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

/** By what the dispatches write and by their labels, which say what was differentiated. */
export function phaseOf({ dispatches }: LaunchDetails): Phase {
  const phases = new Set(
    dispatches.map(({ kernel, label, writes }): Phase => {
      if (writes.some(({ kind, name }) => kind === "state" && name === "parameters")) return "update";
      if (kernel === "crossEntropy") return "loss";
      return label.endsWith(" backward") ? "backward" : "forward";
    }),
  );
  const [first] = phases;
  return phases.size === 1 ? first : "several";
}

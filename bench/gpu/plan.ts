/** What `bench gpu` runs: commands of the benchmarks in parts, the most telling first, with each one's share of the time. */

export const PART_NAMES = ["verify", "kernels", "train", "torch", "peers", "profile"] as const;
export type PartName = (typeof PART_NAMES)[number];

/** A command that runs in a process of its own. */
export interface Planned {
  readonly command: readonly string[];
  /** Its share of the time, among all that are still to come. */
  readonly weight: number;
}

export interface PlannedPart {
  readonly name: string;
  readonly title: string;
  readonly runs: readonly Planned[];
}

const planned = (weight: number, command: string): Planned => ({ weight, command: command.split(" ") });

/** Before all parts, whichever are asked for. */
export const DEVICE: Planned = planned(4, "device");

/** @param dataset what `epoch` trains on: MNIST, where its files are */
export function partsFor(
  dataset: "mnist" | "digits",
): readonly (PlannedPart & { readonly name: PartName })[] {
  const epoch = (model: string) => `epoch --dataset ${dataset} --model ${model} --repetitions 5`;
  return [
    {
      name: "verify",
      title: "Every kernel and variant against its CPU twin",
      runs: [planned(27, "verify")],
    },
    {
      name: "kernels",
      title: "Each kernel's share of what the device can do",
      runs: [planned(15, "kernels --limit 10")],
    },
    {
      name: "train",
      title: "Training steps, and seconds to 98 % and 99 % of MNIST",
      runs: [
        planned(4, "step --model mlp --only-gpu"),
        // The CPU engine takes seconds for each of its steps.
        planned(10, "step --model conv --only-gpu --compared 2"),
        planned(8, epoch("convnet")),
        planned(5, epoch("mlp")),
        planned(2, "step --model 30 --batch 10 --steps 1000 --only-gpu"),
        planned(3, "step --model mlp --batch 1000 --only-gpu"),
      ],
    },
    {
      name: "torch",
      title: "The same steps in PyTorch: eager, CUDA graphs, torch.compile",
      runs: [
        planned(6, "torch --engine gpu --model mlp --modes eager,graph"),
        planned(6, "torch --engine gpu --model conv --modes eager,graph"),
        planned(3, "torch --engine gpu --matmul 4096 --steps 20"),
        planned(6, "torch --engine gpu --model mlp --modes compile"),
        planned(6, "torch --engine gpu --model conv --modes compile"),
      ],
    },
    {
      name: "peers",
      title: "The same steps in TensorFlow.js and jax-js, through the same Dawn",
      runs: [
        planned(5, "peers --model mlp --candidates tfjs-webgpu,jax-webgpu"),
        planned(6, "peers --model conv --candidates tfjs-webgpu,jax-webgpu"),
        planned(4, "peers --matmul 2048"),
      ],
    },
    {
      name: "profile",
      title: "The time of each launch of a step",
      runs: [
        planned(3, "profile --model conv"),
        planned(3, "profile --model mlp"),
        planned(2, "profile --model 30 --batch 10"),
      ],
    },
  ];
}

/** The first are the most telling: each may take so many times its share, and the last have what is left. */
const GENEROSITY = 1.5;

/** The first run's time out of what is left, by the weights of all that are to come. */
export function allotment(secondsLeft: number, weights: readonly number[]): number {
  const all = weights.reduce((sum, weight) => sum + weight, 0);
  return Math.max(0, secondsLeft * Math.min(1, (GENEROSITY * weights[0]) / all));
}

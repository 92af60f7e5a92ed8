/** The cases to compare: models with batch sizes, and the libraries that train them. */
import type { Contender } from "../../../bench/peers/hosts/host.ts";

/** Widths of layers from the pixels to the digits; ReLU between them. */
export const MODELS = {
  small: { name: "784-30-10", hint: "a small network", convolutions: false, hidden: [30] },
  mlp: { name: "MLP 784-128-64-10", hint: "two hidden layers", convolutions: false, hidden: [128, 64] },
  wide: {
    name: "Wide MLP 784-1024-1024-10",
    hint: "two wide hidden layers",
    convolutions: false,
    hidden: [1024, 1024],
  },
  convnet: { name: "ConvNet", hint: "two convolutions, 128 hidden units", convolutions: true, hidden: [128] },
} as const;

export type ModelName = keyof typeof MODELS;

/** Samples a step, by model: one step of a large one takes the CPU engine seconds. */
export const BATCHES: Readonly<Record<ModelName, readonly number[]>> = {
  small: [10, 32, 128, 512],
  mlp: [10, 32, 128, 512],
  wide: [10, 32, 128, 512],
  convnet: [10, 32, 128],
};

export interface Case {
  readonly model: ModelName;
  readonly batch: number;
}

export const ALL_CASES: readonly Case[] = (Object.keys(MODELS) as ModelName[]).flatMap((model) =>
  BATCHES[model].map((batch) => ({ model, batch })),
);

/** A handful, from where a GPU hardly pays to where it must. */
export const DEFAULT_CASES: ReadonlySet<string> = new Set(
  (
    [
      ["small", 10],
      ["small", 32],
      ["mlp", 32],
      ["mlp", 128],
      ["convnet", 10],
    ] as const
  ).map(([model, batch]) => keyOf({ model, batch })),
);

export function keyOf({ model, batch }: Case): string {
  return `${model}/${batch}`;
}

/** "MLP 784-128-64-10, batch 32" */
export function titleOf({ model, batch }: Case): string {
  return `${MODELS[model].name}, batch ${batch}`;
}

interface PageContender extends Contender {
  /** Alone, */
  readonly name: string;
  /** and among other libraries. */
  readonly fullName: string;
}

export const CONTENDERS = {
  gpu: { library: "wgrad", backend: "webgpu", name: "GPU", fullName: "wgrad, GPU" },
  wasm: { library: "wgrad", backend: "wasm", name: "WebAssembly", fullName: "wgrad, WebAssembly" },
  cpu: { library: "wgrad", backend: "cpu", name: "CPU engine", fullName: "wgrad, CPU engine" },
  tensorflow: {
    library: "tensorflow",
    backend: "webgpu",
    name: "TensorFlow.js",
    fullName: "TensorFlow.js, GPU",
  },
  jax: { library: "jax", backend: "webgpu", name: "jax-js", fullName: "jax-js, GPU" },
  jaxWasm: {
    library: "jax",
    backend: "wasm",
    name: "jax-js by WebAssembly",
    fullName: "jax-js, WebAssembly",
  },
} as const satisfies Record<string, PageContender>;

export type ContenderName = keyof typeof CONTENDERS;

/** wgrad's own engines. */
export const OWN = ["gpu", "wasm", "cpu"] as const satisfies readonly ContenderName[];
/** Other libraries, which a person may switch on. */
export const PEERS = ["tensorflow", "jax", "jaxWasm"] as const satisfies readonly ContenderName[];
export type PeerName = (typeof PEERS)[number];

export function needsGpu(name: ContenderName): boolean {
  return CONTENDERS[name].backend === "webgpu";
}

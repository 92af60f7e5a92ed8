/** The script of every worker: one build with shared modules, of which each worker loads what its service needs. */
import { expose, proxy } from "comlink";
import type { Opener, Services } from "./services.ts";

const SERVICES: { readonly [Name in keyof Services]: () => Promise<Services[Name]> } = {
  training: async () => new (await import("./train/service.ts")).TrainingService(),
  compare: async () => new (await import("./compare/service.ts")).CompareService(),
  inside: async () => new (await import("./inside/service.ts")).InsideService(),
  experiments: async () => new (await import("./experiments/service.ts")).ExperimentsService(),
};

const opener: Opener = { open: async (name) => proxy(await SERVICES[name]()) };
expose(opener);

/** The computing side of the stories. Each story's view opens a worker of its own, which loads what that story needs. */
import { proxy } from "comlink";

export class ExperimentsService {
  async slowdown() {
    return proxy(new (await import("./slowdown/neurons.ts")).Neurons());
  }

  async overfitting() {
    return proxy(new (await import("./overfitting/runs.ts")).Runs());
  }

  async race() {
    return proxy(new (await import("./race/racers.ts")).Racers());
  }
}

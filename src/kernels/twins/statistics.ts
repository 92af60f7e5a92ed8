import { STATISTICS_BLOCK } from "../statistics.ts";
import type { TwinCall } from "./twin.ts";

export function track({ memory: { running, observed, rates } }: TwinCall) {
  for (let i = 0; i < running.length; i++) {
    const rate = rates[Math.floor(i / STATISTICS_BLOCK)];
    running[i] = (1 - rate) * running[i] + rate * observed[i];
  }
}

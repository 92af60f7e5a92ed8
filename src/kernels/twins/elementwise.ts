import { RUN } from "../hooks.ts";
import { inParts, type TwinCall } from "./twin.ts";

export function elementwise({ constants: { SIZE }, load, store }: TwinCall) {
  return inParts(SIZE, (start, end) => {
    for (let at = start; at < end; at += RUN) store.store(at, load.element(at, Math.min(RUN, end - at)));
  });
}

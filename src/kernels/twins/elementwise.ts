import { inParts, type TwinCall } from "./twin.ts";

export function elementwise({ constants: { SIZE }, load, store }: TwinCall) {
  return inParts(SIZE, (start, end) => {
    for (let index = start; index < end; index++) store.store(index, load.element(index));
  });
}

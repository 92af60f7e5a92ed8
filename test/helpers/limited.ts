/** An engine that takes no more than a smaller device would. */
import type { Engine } from "../../src/runtime/engine.ts";
import { checkLimits } from "../../src/runtime/limits.ts";

/** `engine`, as if it could bind at most so many bytes. */
export function limited(engine: Engine, maxBufferBytes: number): Engine {
  return {
    kind: engine.kind,
    info: { ...engine.info, maxBufferBytes },
    buffer: (...args) => engine.buffer(...args),
    memory: () => engine.memory(),
    async compile(program, options = {}) {
      checkLimits(program, { binding: maxBufferBytes, buffer: 4 * maxBufferBytes }, options.maxSteps);
      return engine.compile(program, options);
    },
    destroy: () => engine.destroy(),
    [Symbol.asyncDispose]: () => engine.destroy(),
  };
}

/**
 * An engine that can be lost like a GPU's device, at any call: the CPU engine, whose calls fail from then on. In this way the loss
 * is tried at each call of a training in turn.
 */
import { cpu } from "../../src/runtime/cpu.ts";
import {
  DeviceLostError,
  type Engine,
  type EngineBuffer,
  type Executable,
} from "../../src/runtime/engine.ts";

export interface Losable {
  readonly engine: Engine;
  /** Calls so far. */
  readonly calls: readonly string[];
  /** From now on each call fails, and so do those under way. */
  lose(): void;
}

/**
 * @param at number of the call, from 1, with which the engine is lost
 * @param next what stands in for it
 * @param maxSteps most steps of a run: with 1, the clock has no part in how many calls there are
 */
export function losable(at = 0, next?: () => Losable, maxSteps?: number): Losable {
  const engine = cpu();
  const calls: string[] = [];
  let lost = false;
  const check = () => {
    if (lost) throw new DeviceLostError("the GPU device was lost: pulled; connect() again");
  };
  const count = (call: string) => {
    check();
    calls.push(call);
    if (calls.length === at) lost = true;
  };
  /** The call is accepted, and fails where the engine is lost before its end. */
  const failing = async <T>(work: Promise<T>): Promise<T> => {
    const result = await work;
    check();
    return result;
  };
  const { buffer, compile } = engine;
  const watchBuffer = (one: EngineBuffer): EngineBuffer => {
    const { read, write } = one;
    return Object.assign(one, {
      write(...args: Parameters<EngineBuffer["write"]>) {
        count(`write ${one.label}`);
        write.apply(one, args);
      },
      async read() {
        count(`read ${one.label}`);
        return failing(read.call(one));
      },
    });
  };
  const watchExecutable = (one: Executable): Executable => {
    const run = one.run.bind(one);
    const checked = one.check.bind(one);
    return Object.assign(one, {
      check(steps: number) {
        check();
        checked(steps);
      },
      async run(steps: number) {
        count(`run ${one.program.name}`);
        return failing(run(steps));
      },
    });
  };
  Object.assign(engine, {
    buffer(...args: Parameters<Engine["buffer"]>) {
      count(`buffer ${args[0]}`);
      return watchBuffer(buffer.apply(engine, args));
    },
    async compile(...[program, options]: Parameters<Engine["compile"]>) {
      count(`compile ${program.name}`);
      const some = maxSteps === undefined ? options : { ...options, maxSteps };
      return watchExecutable(await failing(compile.call(engine, program, some)));
    },
    reconnect: async () => (next?.() ?? losable()).engine,
  });
  return {
    engine,
    calls,
    lose() {
      lost = true;
    },
  };
}

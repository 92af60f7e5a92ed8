/** A profiled step in the format that chrome://tracing, Perfetto and browsers' tools open. */

import { launchName, type Program } from "../program.ts";
import { launchProfiles, type Measured } from "./describe.ts";

/**
 * One event for each launch, one after the other, with its kernels, layers, operations and bytes: JSON in the Trace
 * Event Format (Google, 2016).
 * @throws RangeError where `measured` belongs to another program
 */
export function chromeTrace(program: Program, measured: Measured): string {
  let microseconds = 0;
  const traceEvents = launchProfiles(program, measured).map(
    ({ dispatches, milliseconds, flops, bytes, share }) => {
      const event = {
        name: launchName(dispatches),
        cat: [...new Set(dispatches.map(({ kernel }) => kernel))].join(","),
        ph: "X",
        ts: microseconds,
        dur: milliseconds * 1000,
        pid: 1,
        tid: 1,
        args: {
          layers: dispatches.map(({ label }) => label),
          flops,
          bytes,
          gflopsPerSecond: flops / milliseconds / 1e6,
          share,
        },
      };
      microseconds += event.dur;
      return event;
    },
  );
  const names = [
    { name: "process_name", ph: "M", pid: 1, args: { name: "wgrad" } },
    { name: "thread_name", ph: "M", pid: 1, tid: 1, args: { name: `${program.name}: one step` } },
  ];
  return JSON.stringify({ traceEvents: [...names, ...traceEvents], displayTimeUnit: "ms" });
}

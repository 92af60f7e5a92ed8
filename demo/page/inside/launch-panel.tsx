/** One launch: its kernels and its memory. */
import type { LaunchDetails } from "wgrad/inspect";
import { FigureList } from "../widgets/figure-list.tsx";
import { amount, bytes, percent, significant } from "../widgets/numbers.ts";
import { Panel } from "../widgets/panel.tsx";
import { Scroll } from "../widgets/scroll.tsx";
import { type LaunchesView, shapeText, timeText } from "./launches-view.ts";
import type { LaunchMeasurement } from "./messages.ts";
import { isTold } from "./times.ts";
import { Wgsl } from "./wgsl.tsx";

export function LaunchPanel({ launches, times, selected, onSelect }: LaunchesView) {
  const launch = launches[selected];
  if (!launch) return null;
  const { name, bindings, code, numbers, pipeline, dispatches } = launch;
  const others = launches.flatMap((other, i) => (other.pipeline === pipeline && i !== selected ? [i] : []));
  return (
    <Panel title={`Launch ${selected + 1}: ${name}`} class="inside-launch">
      <FigureList figures={figuresOf(launch, times?.[selected])} />
      {dispatches.map(({ kernel, fused }, part) =>
        Object.entries(fused).map(([hook, functions]) => (
          <p key={`${part} ${hook}`} class="hint">
            Fused into {kernel}, in its hook <code>{hook}</code>: {functions.join(", ")}
          </p>
        )),
      )}
      {others.length > 0 && (
        <p class="hint">
          Shares its pipeline, the compiled program, with launch{" "}
          {others.map((other) => (
            <button key={other} type="button" class="small" onClick={() => onSelect(other)}>
              {other + 1}
            </button>
          ))}
        </p>
      )}
      <h3>Memory bound to it</h3>
      <Scroll label="Memory bound to it">
        <table>
          <thead>
            <tr>
              <th scope="col">variable</th>
              <th scope="col">buffer</th>
              <th scope="col">elements</th>
              <th scope="col">size</th>
            </tr>
          </thead>
          <tbody>
            {bindings.map(({ binding, variable, access, name, dtype, shape, bytes: size }) => (
              <tr key={binding}>
                <td>
                  <code>{variable}</code>
                  <span class="muted"> {access === "read" ? "read" : "written"}</span>
                </td>
                <td>{name}</td>
                <td>
                  {dtype} {shapeText(shape)}
                </td>
                <td>{bytes(size)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      <h3>Its WGSL, {code.split("\n").length} lines</h3>
      {Object.keys(numbers).length > 0 && (
        <p class="muted">
          Its numbers:{" "}
          {Object.entries(numbers)
            .map(([number, value]) => `${number} ${value}`)
            .join(", ")}
        </p>
      )}
      <Wgsl code={code} />
    </Panel>
  );
}

function figuresOf(
  { grid, workgroup, flops, bytes: moved }: LaunchDetails,
  time: LaunchMeasurement | undefined,
): [name: string, value: string][] {
  const figures: [string, string][] = [
    ["Workgroups", grid.join(" × ")],
    ["Invocations in each", workgroup.join(" × ")],
    ["Arithmetic", `${amount(flops)}FLOP`],
    ["Memory moved", bytes(moved)],
  ];
  if (!time) return figures;
  const error = Number.isNaN(time.uncertainty) ? "" : ` ± ${significant(time.uncertainty, 2)}`;
  figures.push(["Time", isTold(time) ? `${significant(time.milliseconds)}${error} ms` : timeText(time)]);
  if (!isTold(time)) return figures;
  figures.push(["Speed", `${significant(flops / time.milliseconds / 1e6)} GFLOP/s`]);
  figures.push(["Traffic", `${significant(moved / time.milliseconds / 1e6)} GB/s`]);
  if (time.share) figures.push(["Fraction of the peak", percent(time.share, 0)]);
  return figures;
}

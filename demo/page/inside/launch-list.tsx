/** The launches as rows. */
import type { BoundMemory, DispatchDetails } from "wgrad/inspect";
import { amount, bytes, percent } from "../widgets/numbers.ts";
import { Panel } from "../widgets/panel.tsx";
import { Scroll } from "../widgets/scroll.tsx";
import { kernelsOf, type LaunchesView, layersOf, shapeText, timeText } from "./launches-view.ts";
import { PHASES, phasesOf } from "./phases.ts";
import { isTold } from "./times.ts";

export function LaunchList({ launches, times, selected, onSelect }: LaunchesView) {
  const phases = phasesOf(launches);
  const longest = Math.max(...(times ?? []).map(({ milliseconds }) => milliseconds));
  const shares = times?.some(({ share }) => share !== undefined);
  return (
    <Panel
      title="Launches"
      hint="Independent work runs together, as one launch. After a +: functions fused into the kernel, applied as it loads or stores elements."
      class="inside-list"
    >
      <Scroll label="Launches">
        <table>
          <thead>
            <tr>
              <th scope="col">kernel, layer</th>
              {times ? <th scope="col">time</th> : <th scope="col">work</th>}
              {shares && <th scope="col">of the peak</th>}
              <th scope="col">reads → writes</th>
            </tr>
          </thead>
          <tbody>
            {launches.map((launch, i) => {
              const time = times?.[i];
              return (
                <tr key={i} class={i === selected ? "inside-selected" : ""} onClick={() => onSelect(i)}>
                  <td style={`--c: var(--s${PHASES[phases[i]].color})`} class="inside-name">
                    <button type="button" aria-pressed={i === selected}>
                      <span class="visually-hidden">Launch </span>
                      <b>{i + 1}</b> {kernelsOf(launch)}
                      <span class="visually-hidden"> ({layersOf(launch)})</span>
                    </button>
                    <div class="muted">{layersOf(launch)}</div>
                  </td>
                  {time ? (
                    <td>
                      {timeText(time)}
                      <div class="inside-bar" style={`--part: ${Math.max(0, time.milliseconds / longest)}`} />
                    </td>
                  ) : (
                    <td>
                      {amount(launch.flops)}FLOP
                      <div class="muted">{bytes(launch.bytes)}</div>
                    </td>
                  )}
                  {shares && <td>{time?.share && isTold(time) ? percent(time.share, 0) : "–"}</td>}
                  <td class="inside-shapes">
                    {launch.dispatches.map((dispatch, part) => (
                      <div key={part}>
                        <Shapes of={dispatch.reads} />→ <Shapes of={dispatch.writes} />
                        {fusedText(dispatch) && <span class="inside-fused">{fusedText(dispatch)}</span>}
                      </div>
                    ))}
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </Scroll>
    </Panel>
  );
}

/** Broken between shapes, not within them. */
function Shapes({ of: all }: { readonly of: readonly BoundMemory[] }) {
  return all.map(({ shape }, i) => (
    <span key={i}>
      <span class="inside-shape">{shapeText(shape)}</span>{" "}
    </span>
  ));
}

/** The functions that run inside the kernel, as the list names them: "+ add relu". */
function fusedText({ fused }: DispatchDetails): string {
  const functions = Object.values(fused).flat();
  return functions.length > 0 ? `+ ${functions.join(" ")}` : "";
}

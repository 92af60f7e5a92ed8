/** The step as a strip: a block for each launch, in order, as wide as it takes long. */
import { useRef } from "preact/hooks";
import { Panel } from "../widgets/panel.tsx";
import { kernelsOf, type LaunchesView, layersOf, timeText } from "./launches-view.ts";
import { PHASES, type Phase, phasesOf } from "./phases.ts";

/** The part of the step from which on there is room for the layer's name. */
const NAMED = 0.12;

export function Strip({ launches, times, selected, onSelect }: LaunchesView) {
  const blocks = useRef<HTMLDivElement>(null);
  const phases = phasesOf(launches);
  const weights = launches.map(({ flops, bytes }, i) =>
    times ? Math.max(times[i].milliseconds, 0) : flops + bytes,
  );
  const total = weights.reduce((sum, weight) => sum + weight, 0) || 1;
  const used = (Object.keys(PHASES) as Phase[]).filter((phase) => phases.includes(phase));
  /** One stop of the Tab key; arrows go from block to block. */
  const move = (event: KeyboardEvent) => {
    const to = { ArrowRight: selected + 1, ArrowLeft: selected - 1, Home: 0, End: launches.length - 1 }[
      event.key
    ];
    if (to === undefined || !launches[to]) return;
    event.preventDefault();
    onSelect(to);
    (blocks.current?.children[to] as HTMLElement | undefined)?.focus();
  };
  return (
    <Panel
      title="From left to right: one step"
      hint={
        times
          ? "Widths are times. Click a launch to look inside."
          : "Widths are operations and bytes, until you measure. Click a launch to look inside."
      }
    >
      <ul class="inside-legend">
        {used.map((phase) => (
          <li key={phase} style={`--c: var(--s${PHASES[phase].color})`}>
            {PHASES[phase].label}
            {times && ` ${Math.round((100 * sumOf(weights, phases, phase)) / total)} %`}
          </li>
        ))}
      </ul>
      <div class="inside-strip-scroll">
        <div ref={blocks} class="inside-strip" role="toolbar" aria-label="Launches in order" onKeyDown={move}>
          {launches.map((launch, i) => {
            const wide = weights[i] / total > NAMED;
            const { label, color } = PHASES[phases[i]];
            return (
              <button
                key={i}
                type="button"
                class="inside-block"
                style={`--c: var(--s${color}); flex-grow: ${weights[i] / total}`}
                aria-pressed={i === selected}
                title={`${launch.name}, ${label}${times ? `, ${timeText(times[i])}` : ""}`}
                tabIndex={i === selected ? 0 : -1}
                onClick={() => onSelect(i)}
              >
                <b>{i + 1}</b> <span class={wide ? "" : "visually-hidden"}>{layersOf(launch)}</span>
                <span class="visually-hidden">
                  , {kernelsOf(launch)}, {label} {times && timeText(times[i])}
                </span>
              </button>
            );
          })}
        </div>
      </div>
    </Panel>
  );
}

function sumOf(weights: readonly number[], phases: readonly Phase[], phase: Phase): number {
  return weights.reduce((sum, weight, i) => (phases[i] === phase ? sum + weight : sum), 0);
}

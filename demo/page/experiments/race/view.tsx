/** Optimizers side by side on a surface of two parameters. */

import { useState } from "preact/hooks";
import { Chart } from "../../widgets/chart.tsx";
import { NumberField, Select } from "../../widgets/field.tsx";
import { significant } from "../../widgets/numbers.ts";
import { Panel } from "../../widgets/panel.tsx";
import { Scroll } from "../../widgets/scroll.tsx";
import { Controls, Failure } from "../controls.tsx";
import { prefersStillness, useLive, useStory } from "../live.ts";
import { SurfaceMap } from "./map.tsx";
import {
  ARRIVED,
  isShown,
  LONGEST_LEAP,
  MOST_STEPS,
  RACER_NAMES,
  RACERS,
  type RacerName,
  type RaceSettings,
  SURFACE_NAMES,
  SURFACES,
  type Surface,
  type SurfaceName,
  stepsToArrive,
  surfaceOf,
  type Trail,
} from "./surfaces.ts";

const PACES = {
  slow: { label: "Slow: 10 steps a second", steps: 1, rest: 100 },
  normal: { label: "Normal: a step a picture", steps: 1, rest: 16 },
  fast: { label: "Fast: 10 steps a picture", steps: 10, rest: 16 },
} as const;
type Pace = keyof typeof PACES;

/** Losses below are as good as 0. */
const FLOOR = 1e-6;
/** The chart has more points than pixels otherwise. */
const MOST_DRAWN = 400;

function settingsFor(surface: SurfaceName): RaceSettings {
  const { start, rates } = surfaceOf(surface);
  return { surface, start, rates };
}

export function RaceView() {
  const [settings, setSettings] = useState(() => settingsFor("valley"));
  const [pace, setPace] = useState<Pace>("normal");
  const surface = surfaceOf(settings.surface);
  const story = useStory((service) => service.race());
  const live = useLive<readonly Trail[]>({
    key: JSON.stringify(settings),
    rest: PACES[pace].rest,
    open: async () => (await story()).open(settings),
    advance: async (trails, single) => {
      const steps = single ? 1 : prefersStillness() ? LONGEST_LEAP : PACES[pace].steps;
      return joined(trails, await (await story()).advance(Math.min(steps, MOST_STEPS - stepsOf(trails))));
    },
    over: (trails) =>
      stepsOf(trails) >= MOST_STEPS ||
      trails.every((trail) => trail.diverged || stepsToArrive(trail) !== undefined),
  });
  const trails = live.state ?? [];
  const choose = (name: SurfaceName) => setSettings(settingsFor(name));
  const rate = (name: RacerName, learningRate: number) =>
    setSettings({ ...settings, rates: { ...settings.rates, [name]: learningRate } });
  return (
    <>
      <Panel title="Who reaches the bottom first?">
        <p>
          Training is a walk downhill on a surface that nobody sees from above. Here you see one: two
          parameters, five optimizers, one start. Press Start; then move the start, or give an optimizer a
          larger learning rate.
        </p>
        <Controls live={live} step="One step" />
      </Panel>
      <Failure live={live} />
      <div class="experiments-split">
        <div class="stack">
          <div class="experiments-race">
            <Panel title="The surface from above">
              <SurfaceMap
                surface={settings.surface}
                start={settings.start}
                trails={trails}
                onPick={(start) => setSettings({ ...settings, start })}
                survey={async (options) => (await story()).ground(options)}
              />
            </Panel>
            <Panel title="Loss by step">
              <Losses trails={trails} />
            </Panel>
          </div>
          <Panel
            title={`After ${Math.max(0, stepsOf(trails))} steps`}
            hint={`Arrived: the first step with a loss within ${ARRIVED} of the minimum, which is 0. Some optimizers leave again. The CPU engine computes: two parameters leave a GPU nothing to do.`}
          >
            <Standings trails={trails} surface={surface} over={live.phase === "over"} />
          </Panel>
        </div>
        <div class="stack">
          <Panel title="The surface">
            <Select
              label="Surface"
              value={settings.surface}
              options={SURFACE_NAMES.map((name) => [name, SURFACES[name].label])}
              onChange={choose}
            />
            <p class="hint">
              Loss: <span class="number">{surface.formula}</span>
            </p>
            <p class="hint">{surface.about}</p>
            <div class="fields">
              {(["x", "y"] as const).map((axis, i) => (
                <NumberField
                  key={axis}
                  label={`Start, ${["w₁", "w₂"][i]}`}
                  value={settings.start[axis]}
                  from={surface[axis][0]}
                  to={surface[axis][1]}
                  onChange={(value) =>
                    setSettings({ ...settings, start: { ...settings.start, [axis]: value } })
                  }
                />
              ))}
            </div>
            <Select
              label="Pace"
              value={pace}
              options={(Object.keys(PACES) as Pace[]).map((name) => [name, PACES[name].label])}
              onChange={setPace}
            />
          </Panel>
          <Panel
            title="Learning rates"
            hint="Each optimizer starts with a rate that suits it on this surface."
          >
            <div class="fields">
              {RACER_NAMES.map((name) => (
                <NumberField
                  key={name}
                  label={RACERS[name]}
                  value={settings.rates[name]}
                  from={0}
                  to={1000}
                  onChange={(learningRate) => rate(name, learningRate)}
                />
              ))}
            </div>
          </Panel>
        </div>
      </div>
    </>
  );
}

/** −1 before there is any. Who has diverged stands still: the others count. */
function stepsOf(trails: readonly Trail[]): number {
  return Math.max(0, ...trails.map(({ loss }) => loss.length)) - 1;
}

function joined(before: readonly Trail[], after: readonly Trail[]): Trail[] {
  return before.map(({ x, y, loss }, i) => ({
    x: [...x, ...after[i].x],
    y: [...y, ...after[i].y],
    loss: [...loss, ...after[i].loss],
    diverged: after[i].diverged,
  }));
}

function Losses({ trails }: { readonly trails: readonly Trail[] }) {
  const first = trails[0]?.loss[0] ?? 1;
  const apart = Math.ceil(Math.max(...trails.map(({ loss }) => loss.length), 1) / MOST_DRAWN);
  return (
    <Chart
      name="Loss by step"
      x={{ label: "step", from: 0 }}
      // Whoever diverges leaves the chart at the top.
      y={{
        label: "loss",
        log: true,
        from: FLOOR,
        to: 10 ** Math.ceil(Math.log10(Math.max(first, ARRIVED)) + 1),
      }}
      series={RACER_NAMES.map((name, i) => {
        const loss = trails[i]?.loss ?? [];
        const steps = shownSteps(loss.length, apart);
        // A logarithm of 0 there is not.
        return { name: RACERS[name], x: steps, y: steps.map((step) => (loss[step] > 0 ? loss[step] : null)) };
      })}
      height={380}
      empty="Opening…"
    />
  );
}

/** Every so many steps, and the last. */
function shownSteps(count: number, apart: number): number[] {
  const steps = Array.from({ length: Math.ceil(count / apart) }, (_, i) => i * apart);
  return count === 0 || steps.at(-1) === count - 1 ? steps : [...steps, count - 1];
}

interface StandingsProps {
  readonly trails: readonly Trail[];
  readonly surface: Surface;
  readonly over: boolean;
}

function Standings({ trails, surface, over }: StandingsProps) {
  return (
    <Scroll label="Standings">
      <table class="experiments-table">
        <thead>
          <tr>
            <th scope="col">optimizer</th>
            <th scope="col">loss now</th>
            <th scope="col">arrived at</th>
            <th scope="col">at (w₁, w₂)</th>
          </tr>
        </thead>
        <tbody>
          {RACER_NAMES.map((name, i) => {
            const trail = trails[i];
            return (
              <tr key={name}>
                <th scope="row" class="experiments-named" style={`--c: var(--s${i + 1})`}>
                  {RACERS[name]}
                </th>
                <td>
                  {trail &&
                    (trail.diverged ? `diverged, step ${trail.loss.length}` : told(trail.loss.at(-1)))}
                </td>
                <td>{trail && arrival(trail, over)}</td>
                <td>{trail && placed(trail, surface)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </Scroll>
  );
}

/** A number as people write it; a very small or large one as a power of ten. */
function told(loss = Number.NaN): string {
  return loss > 0 && (loss < 1e-4 || loss >= 1e6) ? loss.toExponential(1) : significant(loss);
}

function placed({ x, y, diverged }: Trail, surface: Surface): string {
  const at = { x: x.at(-1) ?? Number.NaN, y: y.at(-1) ?? Number.NaN };
  if (diverged || !isShown(surface, at)) return "off the map";
  // Adding 0 makes −0 a 0.
  return [at.x, at.y].map((one) => (Math.round(100 * one) / 100 + 0).toFixed(2)).join(", ");
}

function arrival(trail: Trail, over: boolean): string {
  const steps = stepsToArrive(trail);
  if (steps !== undefined) return `step ${steps}`;
  if (trail.diverged) return "never";
  return over ? `not by ${trail.loss.length - 1}` : "not yet";
}

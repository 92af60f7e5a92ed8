/** A network that learns few images by heart, and cures for that. */

import { useState } from "preact/hooks";
import { device } from "../../device.tsx";
import { Chart, type Series } from "../../widgets/chart.tsx";
import { Check, NumberField, Select } from "../../widgets/field.tsx";
import { Notice } from "../../widgets/notice.tsx";
import { percent, significant } from "../../widgets/numbers.ts";
import { Panel } from "../../widgets/panel.tsx";
import { Scroll } from "../../widgets/scroll.tsx";
import { Controls, Failure } from "../controls.tsx";
import { useLive, useStory } from "../live.ts";
import {
  COUNTS,
  type ComputedOn,
  CURE_NAMES,
  CURES,
  type Cure,
  OVERFITTING,
  type OverfittingSettings,
  SHORT,
  type Standing,
  stepsFor,
  TEST_IMAGES,
  TURN,
} from "./settings.ts";
import { verdict } from "./verdict.ts";

interface State {
  readonly on: ComputedOn;
  /** The state of each run after each of its turns. */
  readonly runs: readonly (readonly Standing[])[];
}

export function OverfittingView() {
  const [settings, setSettings] = useState(OVERFITTING);
  const steps = stepsFor(settings);
  const names = ["No cure", ...settings.cures.map((cure) => SHORT[cure])];
  const story = useStory((service) => service.overfitting());
  const live = useLive<State>({
    key: JSON.stringify(settings),
    open: async () => ({
      on: await (await story()).open(settings, device.value?.kind),
      runs: names.map(() => []),
    }),
    advance: async (state) => added(state, await (await story()).advance()),
    over: ({ runs }) => runs.every((run) => (run.at(-1)?.steps ?? 0) >= steps),
  });
  const { state, phase } = live;
  // The previous settings' runs, until the current settings are opened.
  const runs = names.map((_, i) => state?.runs[i] ?? []);
  const colors = [6, ...settings.cures.map((cure) => CURE_NAMES.indexOf(cure) + 1)];
  const series = (of: (standing: Standing) => number): Series[] =>
    runs.map((run, i) => ({
      name: names[i],
      color: colors[i],
      x: run.map(({ steps }) => steps),
      y: run.map(of),
    }));
  const x = { label: "training steps", from: 0, to: steps };
  // A curve below this point lasts the first few turns only.
  const accuracy = { label: "accuracy (%)", from: 50, to: 100 };
  const empty = phase === "opening" ? "Drawing the images…" : "Press Start.";
  return (
    <>
      <Panel title="What does a network learn by heart, and what does it understand?">
        <p>
          A network of 784-30-10 neurons learns a few drawn digits, again and again. Soon the network knows
          all of them, but fails on digits it has never seen: it overfits. Press Start, then see which cure
          closes the gap.
        </p>
        <Controls live={live} step="One turn" />
      </Panel>
      <Failure live={live} />
      {state?.on.kind === "cpu" && (
        <Notice kind="warn">
          The CPU engine computes, slowly: it is the reference, and not built for speed.
        </Notice>
      )}
      <div class="split">
        <Choices settings={settings} onChange={setSettings} on={state?.on} />
        <div class="stack">
          <div class="grid">
            <Panel title="Accuracy on training images">
              <Chart
                name="Accuracy on training images by step"
                x={x}
                y={accuracy}
                series={series(({ training }) => 100 * training.accuracy)}
                empty={empty}
              />
            </Panel>
            <Panel title={`Accuracy on ${significant(TEST_IMAGES, 4)} unseen images`}>
              <Chart
                name="Accuracy on test images by step"
                x={x}
                y={accuracy}
                series={series(({ test }) => 100 * test.accuracy)}
                empty={empty}
              />
            </Panel>
          </div>
          <Panel
            title="The numbers now"
            hint="Accuracy on training images and on test images, and the gap between them in percentage points."
          >
            <Numbers names={names} colors={colors} runs={runs} />
            <p role="status">{verdict(names, runs, phase === "over")}</p>
          </Panel>
          <Panel
            title="The cost of unseen images"
            hint="Where the cost rises again, the network grows more certain of its mistakes."
          >
            <Chart
              name="Cost of test images by step"
              x={x}
              y={{ label: "cross-entropy", from: 0, to: 2.5 }}
              series={series(({ test }) => test.cost)}
              height={200}
              empty={empty}
            />
          </Panel>
        </div>
      </div>
    </>
  );
}

function added(state: State, standing: Standing | undefined): State {
  if (!standing) return state;
  return { ...state, runs: state.runs.map((run, i) => (i === standing.run ? [...run, standing] : run)) };
}

interface ChoicesProps {
  readonly settings: OverfittingSettings;
  readonly onChange: (settings: OverfittingSettings) => void;
  readonly on: ComputedOn | undefined;
}

function Choices({ settings, onChange, on }: ChoicesProps) {
  const { count, cures, seed } = settings;
  const tick = (cure: Cure, ticked: boolean) =>
    onChange({
      ...settings,
      cures: CURE_NAMES.filter((one) => (one === cure ? ticked : cures.includes(one))),
    });
  return (
    <Panel title="The networks" hint="A change restarts the experiment.">
      <div class="fields">
        <Select
          label="Images to learn"
          value={String(count)}
          options={COUNTS.map((one) => [String(one), significant(one, 4)])}
          onChange={(text) => onChange({ ...settings, count: Number(text) as OverfittingSettings["count"] })}
        />
        <NumberField
          label="Seed"
          value={seed}
          from={0}
          to={1e9}
          whole
          onChange={(seed) => onChange({ ...settings, seed })}
        />
      </div>
      <fieldset class="experiments-cures">
        <legend>Cures, each for a network of its own</legend>
        {CURE_NAMES.map((cure) => (
          <Check
            key={cure}
            label={CURES[cure]}
            checked={cures.includes(cure)}
            onChange={(ticked) => tick(cure, ticked)}
          />
        ))}
      </fieldset>
      <p class="hint">
        The networks train in turns of {TURN} steps of 10 images. Another seed gives other first weights.
        {on && ` Computed on ${on.adapter}.`}
      </p>
    </Panel>
  );
}

interface NumbersProps {
  readonly names: readonly string[];
  readonly colors: readonly number[];
  readonly runs: readonly (readonly Standing[])[];
}

function Numbers({ names, colors, runs }: NumbersProps) {
  return (
    <Scroll label="The numbers now">
      <table class="experiments-table">
        <thead>
          <tr>
            <th scope="col">network</th>
            <th scope="col">training</th>
            <th scope="col">test</th>
            <th scope="col">gap</th>
            <th scope="col">test cost</th>
            <th scope="col">steps</th>
          </tr>
        </thead>
        <tbody>
          {names.map((name, i) => {
            const now = runs[i].at(-1);
            return (
              <tr key={name}>
                <th scope="row" class="experiments-named" style={`--c: var(--s${colors[i]})`}>
                  {name}
                </th>
                <td>{percent(now?.training.accuracy ?? Number.NaN, 1)}</td>
                <td>{percent(now?.test.accuracy ?? Number.NaN, 1)}</td>
                <td>{now ? gap(now) : "–"}</td>
                <td>{now ? now.test.cost.toFixed(3) : "–"}</td>
                <td>{(now?.steps ?? 0).toLocaleString("en-US")}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </Scroll>
  );
}

/** Training accuracy minus test accuracy, in percentage points. */
function gap({ training, test }: Standing): string {
  return (100 * (training.accuracy - test.accuracy)).toFixed(1);
}

/** Whoever is badly wrong should learn fast: the quadratic cost does not do that, cross-entropy does. */
import { useState } from "preact/hooks";
import { Chart, type Series } from "../../widgets/chart.tsx";
import { FigureList } from "../../widgets/figure-list.tsx";
import { significant } from "../../widgets/numbers.ts";
import { Panel } from "../../widgets/panel.tsx";
import { Controls, Failure, Slider } from "../controls.tsx";
import { prefersStillness, useLive, useStory } from "../live.ts";
import {
  COSTS,
  epochsToLearn,
  LEARNED,
  LEAST_EPOCHS,
  type Learning,
  LONGEST_LEAP,
  MOST_EPOCHS,
  NEURON,
} from "./settings.ts";
import { verdict } from "./verdict.ts";

const WEIGHTS = Array.from({ length: 101 }, (_, i) => (i - 50) / 10);
const RATES = [0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5];
/** Ends of the charts' axes: the first that is far enough is taken, so that curves grow in a fixed frame. */
const FRAMES = [LEAST_EPOCHS, 1000, 2000, MOST_EPOCHS];
/** Epochs of one picture: few while the curves bend, more when it takes long. */
const LEAPS = { early: 5, late: 20 };

export function SlowdownView() {
  const [settings, setSettings] = useState(NEURON);
  const story = useStory((service) => service.slowdown());
  const live = useLive<readonly Learning[]>({
    key: JSON.stringify(settings),
    eager: true,
    rest: 16,
    open: async () => (await story()).open(settings),
    advance: async (state, single) =>
      joined(state, await (await story()).advance(leap(epochsOf(state), single))),
    over: (state) =>
      epochsOf(state) >= MOST_EPOCHS || (epochsOf(state) >= LEAST_EPOCHS && state.every(hasLearned)),
  });
  const learning = live.state ?? COSTS.map(() => ({ outputs: [], costs: [] }));
  const epochs = Math.max(0, epochsOf(learning));
  const x = { label: "epoch", from: 0, to: FRAMES.find((frame) => frame >= epochs), format: String };
  const change = (changed: Partial<typeof settings>) => setSettings({ ...settings, ...changed });
  return (
    <>
      <Panel title="Does a neuron that is badly wrong learn fast?">
        <p>
          This neuron gets the input 1 and should learn to output 0. Two copies learn side by side from the
          same start: one with the quadratic cost, one with cross-entropy. Press Start, then make the start
          better or worse.
        </p>
        <Controls live={live} step="One epoch" />
      </Panel>
      <Failure live={live} />
      <div class="split">
        <Panel title="The neuron" hint="A change restarts the experiment at once.">
          <Slider
            label="Initial weight"
            stops={WEIGHTS}
            value={settings.weight}
            onInput={(weight) => change({ weight })}
          />
          <Slider
            label="Bias at first"
            stops={WEIGHTS}
            value={settings.bias}
            onInput={(bias) => change({ bias })}
          />
          <Slider
            label="Learning rate"
            stops={RATES}
            value={settings.learningRate}
            onInput={(learningRate) => change({ learningRate })}
          />
          <p class="hint">
            Learned: the output is below {LEARNED}. The CPU engine computes: one neuron leaves a GPU nothing
            to do.
          </p>
        </Panel>
        <div class="stack">
          <Panel title="Output of the neuron">
            <Chart
              name="Output by epoch"
              x={x}
              y={{ label: "output", from: 0, to: 1 }}
              series={[...curves(learning, "outputs"), goal(x.to)]}
              height={260}
              empty="Opening…"
            />
            <FigureList
              figures={[
                ["Epochs so far", String(epochs)],
                ...COSTS.map((cost, i) => [`Output, ${cost}`, outputAt(learning[i], epochs)] as const),
                ...COSTS.map((cost, i) => [`Learned, ${cost}`, learnedIn(learning[i])] as const),
              ]}
            />
            <p role="status">{live.state && verdict(live.state, live.phase === "over")}</p>
          </Panel>
          <div class="grid">
            {COSTS.map((cost, i) => (
              <Panel key={cost} title={`The ${cost} cost`}>
                <Chart
                  name={`The ${cost} cost by epoch`}
                  x={x}
                  y={{ label: "cost", from: 0 }}
                  series={[curves(learning, "costs")[i]]}
                  height={190}
                  empty="Opening…"
                />
              </Panel>
            ))}
          </div>
        </div>
      </div>
    </>
  );
}

function outputAt({ outputs }: Learning, epoch: number): string {
  return significant(outputs[epoch] ?? Number.NaN);
}

function learnedIn(neuron: Learning): string {
  const epochs = epochsToLearn(neuron);
  return epochs === undefined ? "not yet" : `after ${epochs} epochs`;
}

/** −1 before there is any. */
function epochsOf([{ outputs }]: readonly Learning[]): number {
  return outputs.length - 1;
}

function hasLearned(neuron: Learning): boolean {
  return epochsToLearn(neuron) !== undefined;
}

function leap(epochs: number, single: boolean): number {
  if (single) return 1;
  const early = epochs < LEAST_EPOCHS;
  const wanted = prefersStillness() ? LONGEST_LEAP : early ? LEAPS.early : LEAPS.late;
  return Math.min(wanted, (early ? LEAST_EPOCHS : MOST_EPOCHS) - epochs);
}

function joined(before: readonly Learning[], after: readonly Learning[]): Learning[] {
  return before.map(({ outputs, costs }, i) => ({
    outputs: [...outputs, ...after[i].outputs],
    costs: [...costs, ...after[i].costs],
  }));
}

function curves(learning: readonly Learning[], what: keyof Learning): Series[] {
  return COSTS.map((name, i) => ({
    name,
    color: i + 1,
    x: learning[i][what].map((_, at) => at),
    y: learning[i][what],
  }));
}

function goal(to = LEAST_EPOCHS): Series {
  return { name: `learned: below ${LEARNED}`, color: 6, style: "dashed", x: [0, to], y: [LEARNED, LEARNED] };
}

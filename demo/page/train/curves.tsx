/** Loss and accuracy as they change, on the images that are trained on and on those that never are. */
import { Chart, type Series } from "../widgets/chart.tsx";
import { Panel } from "../widgets/panel.tsx";
import { news, training, validation } from "./store.ts";

const EMPTY = "Press Start to see the curve move.";

export function Curves() {
  void news.value;
  return (
    <div class="grid">
      <Panel title="Loss" hint="The network's error: cross-entropy.">
        <Chart
          name="Loss by step"
          x={{ label: "step", whole: true }}
          y={{ label: "loss", log: true }}
          series={seriesOf("loss")}
          empty={EMPTY}
        />
      </Panel>
      <Panel title="Accuracy" hint="The fraction of images read correctly.">
        <Chart
          name="Accuracy by step"
          x={{ label: "step", whole: true }}
          y={{ label: "accuracy (%)", to: 100, format: (value) => `${Number(value.toPrecision(4))}` }}
          series={seriesOf("accuracy", 100)}
          empty={EMPTY}
        />
      </Panel>
    </div>
  );
}

function seriesOf(key: "loss" | "accuracy", factor = 1): Series[] {
  const scaled = (values: readonly number[]) => values.map((value) => factor * value);
  return [
    { name: "training images", x: training.steps, y: scaled(training.values(key)) },
    { name: "validation images, never trained on", x: validation.steps, y: scaled(validation.values(key)) },
  ];
}

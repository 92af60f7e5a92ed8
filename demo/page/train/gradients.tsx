import { Chart, type Series } from "../widgets/chart.tsx";
import { percent } from "../widgets/numbers.ts";
import { Panel } from "../widgets/panel.tsx";
import { GRADIENT_BINS, type GradientHistogram } from "./messages.ts";
import { insight } from "./store.ts";

const { from, width, count } = GRADIENT_BINS;
const EDGES = Array.from({ length: count }, (_, i) => from + i * width);
/** Layers beyond these would be lines in colours that are there already. */
const MOST_LAYERS = 6;

/** The sizes of the last step's gradients, layer by layer. */
export function Gradients() {
  const layers = insight.value?.gradients ?? [];
  const still = layers.filter(({ zeros }) => zeros > 0.005);
  return (
    <Panel
      title="Gradients by layer"
      hint="Gradients of all weights in the last step, one curve for each layer. A layer far to the left hardly learns."
    >
      <Chart
        name="Histogram of gradients by layer"
        x={{ label: "size of the gradient", whole: true, from, to: 0.5, format: (value) => `1e${value}` }}
        y={{ label: "weights (%)", from: 0 }}
        series={
          layers.length > 0 ? layers.slice(0, MOST_LAYERS).map(seriesOf) : [{ name: "layers", x: [], y: [] }]
        }
        empty="After the first second of training."
      />
      {still.length > 0 && (
        <p class="hint">
          Exactly 0, and not drawn:{" "}
          {still.map(({ layer, zeros }) => `${percent(zeros, 0)} of layer ${layer}`).join(", ")}.
        </p>
      )}
    </Panel>
  );
}

function seriesOf({ layer, parts }: GradientHistogram): Series {
  return { name: `layer ${layer}`, style: "area", x: EDGES, y: parts.map((part) => 100 * part) };
}

import { Chart } from "../widgets/chart.tsx";
import { Panel } from "../widgets/panel.tsx";
export function TrainView() {
  const x = Array.from({ length: 200 }, (_, i) => i);
  return (
    <Panel title="Loss">
      <Chart
        name="Loss"
        x={{ label: "step" }}
        y={{ label: "loss", log: true }}
        series={[
          { name: "training", x, y: x.map((i) => 2 / (i + 1)) },
          { name: "validation", style: "dots", x: [50, 100, 150], y: [0.1, 0.05, 0.03] },
        ]}
      />
    </Panel>
  );
}

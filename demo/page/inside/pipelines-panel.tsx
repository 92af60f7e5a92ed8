/** The compiled programs, and which launches use each. */
import { Panel } from "../widgets/panel.tsx";
import { kernelsOf, type LaunchesView } from "./launches-view.ts";

export function PipelinesPanel({ launches, selected, onSelect }: LaunchesView) {
  const pipelines = new Map<number, number[]>();
  launches.forEach(({ pipeline }, i) => {
    pipelines.set(pipeline, [...(pipelines.get(pipeline) ?? []), i]);
  });
  return (
    <Panel
      title="Pipelines"
      hint={`${pipelines.size} compiled programs for ${launches.length} launches. Launches of the same kernel and shapes share one.`}
    >
      <ul class="inside-pipelines">
        {[...pipelines].map(([pipeline, users]) => (
          <li key={pipeline}>
            <span>
              {kernelsOf(launches[users[0]])}
              <span class="muted">, {launches[users[0]].code.split("\n").length} lines</span>
            </span>
            <span class="buttons">
              {users.map((i) => (
                <button
                  key={i}
                  type="button"
                  class="small"
                  aria-label={`Launch ${i + 1}`}
                  aria-pressed={i === selected}
                  onClick={() => onSelect(i)}
                >
                  {i + 1}
                </button>
              ))}
            </span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

import { Panel } from "../widgets/panel.tsx";
import { Pixels } from "../widgets/pixels.tsx";
import { insight } from "./store.ts";

/** The first layer's weights as pictures. */
export function FiltersPanel() {
  const filters = insight.value?.filters;
  const shown =
    filters &&
    (filters.images.length < filters.count
      ? `the first ${filters.images.length} of ${filters.count}`
      : `all ${filters.count}`);
  return (
    <Panel
      title="Weights of the first layer"
      hint={
        filters
          ? `One picture a ${filters.side < 28 ? `filter of ${filters.side} × ${filters.side} pixels` : "neuron"}, ${shown}: orange pixels speak for it, blue ones against.`
          : "One picture a neuron: orange pixels speak for it, blue ones against."
      }
    >
      {filters ? (
        <ul class="filters">
          {filters.images.map((image, i) => (
            <li key={i}>
              <Pixels
                width={filters.side}
                height={filters.side}
                values={image}
                kind="signed"
                label={`Weights ${i + 1}`}
              />
            </li>
          ))}
        </ul>
      ) : (
        <p class="placeholder">After the first second of training.</p>
      )}
    </Panel>
  );
}

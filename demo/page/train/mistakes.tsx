import { percent } from "../widgets/numbers.ts";
import { Panel } from "../widgets/panel.tsx";
import { Pixels } from "../widgets/pixels.tsx";
import { insight } from "./store.ts";

/** The images that the network is most sure of, and wrong. */
export function Mistakes() {
  const found = insight.value;
  return (
    <Panel
      title="Worst mistakes"
      hint="Misread validation images, with the least probability of the true digit first."
    >
      {!found && <p class="placeholder">After the first second of training.</p>}
      {found?.mistakes.length === 0 && (
        <p class="placeholder">None: every validation image is read correctly.</p>
      )}
      {found && found.mistakes.length > 0 && (
        <ul class="mistakes">
          {found.mistakes.map(({ index, image, label, guess, probability }) => (
            <li key={index}>
              <Pixels width={28} height={28} values={image} kind="grey" label="" />
              <p>
                {label}, read as <b>{guess}</b>
                <br />
                <span class="muted">{percent(probability, 0)} sure</span>
              </p>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

/** Three of the textbook's stories as live pages: a link for each, and the one that is open. */
import { OverfittingView } from "./overfitting/view.tsx";
import { RaceView } from "./race/view.tsx";
import { SlowdownView } from "./slowdown/view.tsx";
import { STORIES, type Story, story } from "./stories.ts";
import "./view.css";

const VIEWS = { slowdown: SlowdownView, overfitting: OverfittingView, race: RaceView };

export function ExperimentsView() {
  const open = story.value;
  const View = VIEWS[open];
  return (
    <div class="stack">
      <nav class="experiments-nav" aria-label="Experiments">
        {(Object.keys(STORIES) as Story[]).map((name) => (
          <a key={name} href={`#/experiments/${name}`} aria-current={name === open ? "page" : undefined}>
            {STORIES[name]}
          </a>
        ))}
      </nav>
      <View key={open} />
    </div>
  );
}

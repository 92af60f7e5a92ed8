/** Train: one button, and everything that can be seen of a network that learns. */
import { NoWebGpu } from "../no-webgpu.tsx";
import { Confusion } from "./confusion.tsx";
import { Curves } from "./curves.tsx";
import { FilesPanel } from "./files.tsx";
import { FiltersPanel } from "./filters.tsx";
import { Gradients } from "./gradients.tsx";
import { Mistakes } from "./mistakes.tsx";
import { RunBar } from "./run-bar.tsx";
import { SettingsPanel } from "./settings-panel.tsx";
import { progress } from "./store.ts";
import "./view.css";

export function TrainView() {
  const { status } = progress.value;
  return (
    <div class="stack">
      {status === "idle" && <Introduction />}
      <NoWebGpu />
      <RunBar />
      <div class="split">
        <div class="stack train-side">
          <SettingsPanel />
          <FilesPanel />
        </div>
        <div class="stack">
          <Curves />
          <div class="grid">
            <Mistakes />
            <Confusion />
          </div>
          <div class="grid">
            <FiltersPanel />
            <Gradients />
          </div>
        </div>
      </div>
    </div>
  );
}

function Introduction() {
  return (
    <section class="train-introduction" aria-label="What this is">
      <p class="train-claim">Watch a neural network learn to read handwriting, on your own machine.</p>
      <p class="muted">
        Press Start: the network looks at handwritten digits, some at a time, and each step moves its weights
        a little to reduce the error. Then <a href="#/draw">draw a digit</a> and have it read.
      </p>
    </section>
  );
}

/** Draw: a digit and the network's reading, also during training. */
import { useState } from "preact/hooks";
import { NoWebGpu } from "../no-webgpu.tsx";
import { RunBar } from "../train/run-bar.tsx";
import { probabilities, progress } from "../train/store.ts";
import { percent } from "../widgets/numbers.ts";
import { Panel } from "../widgets/panel.tsx";
import { Pixels } from "../widgets/pixels.tsx";
import { SIDE } from "./digit.ts";
import { Pad } from "./pad.tsx";
import { choose, chosen, draw, seen, strokes, undo } from "./store.ts";
import "./view.css";

export function DrawView() {
  return (
    <div class="stack">
      <NoWebGpu />
      <RunBar />
      <div class="draw-columns">
        <Panel
          title="Draw a digit"
          hint="Draw a digit from 0 to 9 with a mouse, a finger or a pen, at any size."
        >
          <Pad />
          <Tools />
        </Panel>
        <Reading />
      </div>
    </div>
  );
}

function Tools() {
  const [none, setNone] = useState(false);
  const image = chosen.value;
  const empty = strokes.value.length === 0;
  return (
    <>
      <div class="buttons">
        <button type="button" onClick={undo} disabled={empty}>
          Undo
        </button>
        <button type="button" onClick={() => draw([])} disabled={empty && !image}>
          Clear
        </button>
        <button type="button" onClick={async () => setNone(!(await choose()))}>
          {image ? "Another test image" : "Take a test image"}
        </button>
      </div>
      {image && (
        <p class="hint" role="status">
          Test image {image.index}: a {image.label}. The network was never trained on it.
        </p>
      )}
      {none && (
        <p class="hint" role="status">
          There are no images yet: press Start first.
        </p>
      )}
    </>
  );
}

function Reading() {
  const image = seen.value;
  const read = image ? probabilities.value : undefined;
  const best = read ? read.indexOf(Math.max(...read)) : -1;
  return (
    <Panel title="The network's reading">
      <div class="draw-reading">
        <div class="draw-seen">
          <Pixels
            width={SIDE}
            height={SIDE}
            values={image ? Array.from(image, (value) => 255 * value) : new Array(SIDE * SIDE).fill(0)}
            kind="grey"
            label=""
          />
          <p class="hint">
            The network's input: {SIDE} × {SIDE} pixels, scaled and centred as in MNIST.
          </p>
        </div>
        <p class="draw-guess" aria-live="polite">
          {read ? (
            <>
              <b>{best}</b> <span class="muted">{percent(read[best], 0)} sure</span>
            </>
          ) : (
            <span class="muted">{image ? untrained() : "Draw, or take a test image."}</span>
          )}
        </p>
        <ol class="draw-bars" start={0}>
          {Array.from({ length: 10 }, (_, digit) => (
            <Bar key={String(digit)} digit={digit} part={read?.[digit]} best={digit === best} />
          ))}
        </ol>
      </div>
    </Panel>
  );
}

function untrained(): string {
  return progress.value.status === "preparing"
    ? "Creating the network…"
    : "There is no network yet: press Start, and watch its guesses improve.";
}

interface BarProps {
  readonly digit: number;
  readonly part: number | undefined;
  readonly best: boolean;
}

function Bar({ digit, part, best }: BarProps) {
  return (
    <li class={best ? "best" : ""}>
      <span class="digit">{digit}</span>
      <span class="bar" aria-hidden="true">
        <span style={`width: ${(100 * (part ?? 0)).toFixed(2)}%`} />
      </span>
      <span class="number" data-probability={part}>
        {part === undefined ? "–" : percent(part, 1)}
      </span>
    </li>
  );
}

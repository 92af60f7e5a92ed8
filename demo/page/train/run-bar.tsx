/** Start, pause, step, reset, and how far the run is: the same on every view that shows the network. */
import { FigureList } from "../widgets/figure-list.tsx";
import { Notice } from "../widgets/notice.tsx";
import { duration, percent, significant } from "../widgets/numbers.ts";
import {
  changed,
  news,
  pause,
  progress,
  reset,
  start,
  startOver,
  step,
  training,
  validation,
} from "./store.ts";
import "./run-bar.css";

export function RunBar() {
  const { status, words, notice, data } = progress.value;
  const busy = status === "training" || status === "preparing";
  const ended = status === "finished";
  return (
    <>
      <section class="run-bar" aria-label="The run">
        <div class="buttons">
          <MainButton />
          <button type="button" onClick={step} disabled={busy || ended}>
            Step
          </button>
          <button type="button" onClick={() => void reset()} disabled={status === "idle"}>
            Reset
          </button>
        </div>
        <Figures />
        <Bar />
      </section>
      {words && <Words />}
      {notice && <Notice kind="warn">{notice}</Notice>}
      {data?.instead && <Notice kind="warn">{data.instead}</Notice>}
      {changed.value && (
        <Notice kind="info">
          You changed the settings. They take effect in a new run:{" "}
          <button type="button" class="small" onClick={() => void startOver()}>
            Start over with these settings
          </button>
        </Notice>
      )}
    </>
  );
}

/** Screen readers do not read the progress, which changes many times a second, but read how a run ends. */
function Words() {
  const { status, words, part } = progress.value;
  if (status !== "preparing") return <Notice kind={status === "failed" ? "bad" : "info"}>{words}</Notice>;
  return (
    <div class="notice">
      {words}
      {part !== undefined && <progress class="run-part" aria-label={words} max={1} value={part} />}
    </div>
  );
}

function MainButton() {
  const { status, step: steps } = progress.value;
  if (status === "training" || status === "preparing") {
    return (
      <button type="button" class="primary" onClick={pause}>
        Pause
      </button>
    );
  }
  if (status === "finished") {
    return (
      <button type="button" class="primary" onClick={() => void startOver()}>
        Train again
      </button>
    );
  }
  return (
    <button type="button" class="primary" onClick={start}>
      {steps > 0 ? "Go on" : "Start"}
    </button>
  );
}

function Figures() {
  const { epoch, epochs, step: steps, speed } = progress.value;
  void news.value;
  const last = (values: readonly number[]) => values[values.length - 1] ?? Number.NaN;
  const figures: readonly (readonly [string, string])[] = [
    ["Epoch", epochs > 0 ? `${epoch} of ${epochs}` : "–"],
    ["Step", significant(steps, 9)],
    ["Loss", significant(last(training.values("loss")))],
    ["Validation accuracy", percent(last(validation.values("accuracy")))],
    ["Images a second", speed ? significant(speed.samplesPerSecond) : "–"],
    ["A step takes", speed ? `${significant(speed.msPerStep)} ms` : "–"],
    ["Time left", speed ? duration(speed.secondsLeft) : "–"],
  ];
  return <FigureList figures={figures} />;
}

function Bar() {
  const { step: steps, stepsPerEpoch, epochs } = progress.value;
  return <progress aria-label="Progress of the run" max={stepsPerEpoch * epochs || 1} value={steps} />;
}

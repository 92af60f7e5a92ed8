/** Parts of every story: buttons, sliders, and the message of a failure. */
import { useId } from "preact/hooks";
import { Notice } from "../widgets/notice.tsx";
import type { Live } from "./live.ts";

interface ControlsProps {
  readonly live: Live<unknown>;
  /** Label of the step button: "One epoch". */
  readonly step: string;
}

export function Controls({ live, step }: ControlsProps) {
  const { phase } = live;
  return (
    <div class="buttons">
      {phase === "running" ? (
        <button type="button" class="primary" onClick={live.pause}>
          Pause
        </button>
      ) : (
        <button type="button" class="primary" disabled={phase === "opening"} onClick={live.start}>
          {phase === "over" ? "Start again" : "Start"}
        </button>
      )}
      <button type="button" disabled={phase !== "paused"} onClick={live.step}>
        {step}
      </button>
      <button type="button" disabled={phase === "opening"} onClick={live.reset}>
        Reset
      </button>
    </div>
  );
}

export function Failure({ live }: { readonly live: Live<unknown> }) {
  if (live.failure === undefined) return null;
  return <Notice kind="bad">The experiment stopped: {live.failure}. Press Start to begin again.</Notice>;
}

interface SliderProps {
  readonly label: string;
  /** The values that it can have, ascending. */
  readonly stops: readonly number[];
  readonly value: number;
  readonly onInput: (value: number) => void;
}

/** Moves over given values, evenly spaced or not. */
export function Slider({ label, stops, value, onInput }: SliderProps) {
  const id = useId();
  return (
    <div class="experiments-slider">
      <label for={id}>{label}</label>
      <output for={id} class="number">
        {value}
      </output>
      <input
        id={id}
        type="range"
        min={0}
        max={stops.length - 1}
        step={1}
        value={stops.indexOf(value)}
        aria-valuetext={String(value)}
        onInput={(event) => onInput(stops[Number(event.currentTarget.value)])}
      />
    </div>
  );
}

/** Look inside: the recorded training step, launch by launch. */
import { proxy } from "comlink";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Settings } from "../network/settings.ts";
import { NoWebGpu } from "../no-webgpu.tsx";
import { type Opened, openService } from "../services.ts";
import { settings as trained } from "../train/store.ts";
import { download } from "../widgets/download.ts";
import { Notice } from "../widgets/notice.tsx";
import { Panel } from "../widgets/panel.tsx";
import { Figures } from "./figures.tsx";
import { LaunchList } from "./launch-list.tsx";
import { LaunchPanel } from "./launch-panel.tsx";
import { MemoryPanel } from "./memory-panel.tsx";
import type { Measurement, MeasurementNews, Recording } from "./messages.ts";
import { PipelinesPanel } from "./pipelines-panel.tsx";
import type { InsideService } from "./service.ts";
import { StepSettings } from "./step-settings.tsx";
import { Strip } from "./strip.tsx";
import "./view.css";

type Service = Opened<InsideService>["service"];
/** Functions that the worker calls to report progress. */
type News = <Told>(hear: (told: Told) => void) => (told: Told) => void;

export function InsideView() {
  const [settings, setSettings] = useState<Settings>(trained.value);
  const [recorded, setRecorded] = useState<Settings>();
  const [recording, setRecording] = useState<Recording>();
  const [measurement, setMeasurement] = useState<Measurement>();
  const [selected, setSelected] = useState(0);
  const [words, setWords] = useState("");
  const [failure, setFailure] = useState("");
  const worker = useRef<Promise<Opened<InsideService>>>(undefined);
  const shown = useRef<HTMLDivElement>(null);

  /** One action at a time, whose errors are shown. Reports that arrive after the end are dropped. */
  async function doing(work: (service: Service, news: News) => Promise<void>) {
    setFailure("");
    setWords("Starting…");
    let done = false;
    const news: News = (hear) =>
      proxy((told) => {
        if (!done) hear(told);
      });
    try {
      worker.current ??= openService("inside");
      const opened = await worker.current.catch((error: Error) => {
        worker.current = undefined;
        throw error;
      });
      await work(opened.service, news);
    } catch (error) {
      setFailure((error as Error).message);
    }
    done = true;
    setWords("");
  }

  const record = () =>
    doing(async (service, news) => {
      setMeasurement(undefined);
      try {
        setRecording(await service.record(settings, news(setWords)));
        setRecorded(settings);
        setSelected(0);
      } catch (error) {
        setRecording(undefined);
        throw error;
      }
    });
  const measure = () =>
    doing(async (service, news) => {
      const hear = news<MeasurementNews>(({ words, measurement }) => {
        setWords(words);
        setMeasurement(measurement);
      });
      setMeasurement(await service.measure(hear));
    });
  const save = () =>
    doing(async (service) => download("step-trace.json", await service.trace(), "application/json"));

  useEffect(() => {
    record();
    return () => {
      worker.current?.then(({ close }) => close()).catch(() => {});
    };
  }, []);

  const select = (launch: number) => {
    setSelected(launch);
    // In a layout of one column, the opened panel is far below.
    if (matchMedia("(max-width: 860px)").matches) shown.current?.scrollIntoView({ block: "start" });
  };
  const busy = words !== "";
  const times = measurement?.launches.length ? measurement.launches : undefined;
  const view = { launches: recording?.launches ?? [], times, selected };
  return (
    <div class="stack inside">
      <NoWebGpu />
      <Panel
        title="A training step, taken apart"
        hint="A step is recorded once, as a list of launches: programs that the GPU runs one after the other. Record a step, and look at each launch."
      >
        <StepSettings settings={settings} onChange={setSettings} />
        <div class="buttons">
          <button type="button" class="primary" disabled={busy} onClick={record}>
            Record the step
          </button>
          <button type="button" disabled={busy || !recording} onClick={measure}>
            Measure
          </button>
          <button
            type="button"
            disabled={busy || !times}
            title="A file for chrome://tracing or ui.perfetto.dev"
            onClick={save}
          >
            Save a trace
          </button>
        </div>
        <p class="hint inside-words" role="status">
          {words || stateText(recording, measurement, settings !== recorded)}
        </p>
        {failure && <Notice kind="bad">The measurement failed: {failure}</Notice>}
      </Panel>
      {recording && (
        <>
          <Figures recording={recording} measurement={measurement} />
          <Strip {...view} onSelect={setSelected} />
          <div class="inside-columns">
            <LaunchList {...view} onSelect={select} />
            <div ref={shown} class="inside-shown">
              <LaunchPanel {...view} onSelect={setSelected} />
            </div>
          </div>
          <MemoryPanel {...recording} />
          <PipelinesPanel {...view} onSelect={select} />
        </>
      )}
    </div>
  );
}

const METHODS = {
  timestamps: "by the device's timestamps",
  differences: "by differences between runs of ever more launches, because the device has no timestamps",
  clock: "by the processor's clock",
} as const;

/** A summary of the figures, and the method of measurement. */
function stateText(
  recording: Recording | undefined,
  measurement: Measurement | undefined,
  changed: boolean,
): string {
  if (!recording) return "";
  if (changed) return "The step below has other settings: record the step again.";
  const { device, images, batchSize } = recording;
  const on = {
    gpu: `for ${device.adapter}`,
    wasm: `for ${device.adapter}, which runs the GPU's programs on the processor`,
    cpu: "for the CPU engine, which plays GPU programs",
  }[device.kind];
  const made = `Recorded ${on}, with ${images.toLocaleString("en-US")} random images in batches of ${batchSize}.`;
  if (!measurement?.method) return `${made} Press Measure to time each launch.`;
  const steps = measurement.steps.toLocaleString("en-US");
  return `${made} Each launch timed in ${steps} steps, ${METHODS[measurement.method]}.`;
}

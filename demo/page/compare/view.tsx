/** Compare: the same training step on the GPU, by WebAssembly and on the CPU engine, on this machine. */
import "./view.css";
import { useEffect, useState } from "preact/hooks";
import { isSoftware } from "../../../charts/adapter.ts";
import { prepareIsolation } from "../isolation.ts";
import { progress as training } from "../train/store.ts";
import { Notice } from "../widgets/notice.tsx";
import { significant } from "../widgets/numbers.ts";
import { Panel } from "../widgets/panel.tsx";
import { type BarGroup, Bars } from "./bars.tsx";
import { CONTENDERS, type ContenderName, titleOf } from "./cases.ts";
import { CaseChoice, PeerChoice } from "./choice.tsx";
import { chosen, contenders, ended, progress, rows, start, stop } from "./comparison.ts";
import { adapter, askForAdapter } from "./machine.ts";
import { MachinePanel } from "./machine-panel.tsx";
import { type Row, summary } from "./results.ts";
import { CopyButton, ResultTable } from "./table.tsx";

export function CompareView() {
  useEffect(() => {
    askForAdapter();
    void prepareIsolation();
    return stop;
  }, []);
  const answer = adapter.value;
  const none = answer && "none" in answer ? answer.none : undefined;
  const found = answer && !("none" in answer) ? answer : undefined;
  return (
    <div class="split">
      <div class="stack">
        <Settings asked={answer !== undefined} gpu={found !== undefined} />
      </div>
      <div class="stack">
        {none && (
          <Notice kind="warn">
            This browser gives the page no GPU ({none}), so the engines of the processor are timed alone. A
            current Chrome, Edge, Safari or Firefox on a machine with a graphics driver has WebGPU.
          </Notice>
        )}
        {found && isSoftware(found.name) && (
          <Notice kind="warn">
            This browser's WebGPU adapter is software ({found.name}): this adapter computes on the CPU. The
            times under “GPU” say nothing about the speed of a GPU.
          </Notice>
        )}
        {training.value.status === "training" && (
          <Notice kind="warn">
            A network is training under “Train”, and shares the machine with these measurements: pause the
            training first.
          </Notice>
        )}
        <Results question={question(none)} adapterName={found?.name} />
        <MachinePanel />
      </div>
    </div>
  );
}

function Settings({ asked, gpu }: { readonly asked: boolean; readonly gpu: boolean }) {
  const [problem, setProblem] = useState("");
  const running = progress.value !== undefined;
  const press = () => {
    if (running) return stop();
    const empty = chosen.value.size === 0;
    setProblem(empty ? "Choose at least one batch size." : "");
    if (!empty) start();
  };
  return (
    <Panel
      title="What to compare"
      hint="The same training step, with the same weights and images. For each model, tick the numbers of samples in a step (the batch sizes)."
    >
      <CaseChoice disabled={running} />
      <PeerChoice disabled={running} gpu={gpu} />
      <div class="buttons">
        <button type="button" class={running ? "" : "primary"} disabled={!asked} onClick={press}>
          {running ? "Stop" : "Compare"}
        </button>
      </div>
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      <ProgressLine />
      <p class="hint">
        Each case takes a few seconds. Leave the machine idle meanwhile: other work distorts the times.
      </p>
    </Panel>
  );
}

/** The question of the comparison. */
function question(none: string | undefined): string {
  const asked = none ? "How fast is this processor?" : "How much faster is the GPU?";
  return `${asked} Press “Compare” to find out.`;
}

interface ResultsProps {
  readonly question: string;
  readonly adapterName: string | undefined;
}

function Results({ question, adapterName }: ResultsProps) {
  const some = rows.value.length > 0;
  const groups = groupsOf(rows.value);
  return (
    <Panel
      title="Time of a training step"
      hint="wgrad computes on the GPU through WebGPU, on the processor by WebAssembly, or in plain JavaScript on one core: the CPU engine, its reference."
      class="compare-results"
    >
      <p class="compare-summary">
        {summary(rows.value, adapterName) ?? (progress.value ? "Measuring…" : question)}
      </p>
      {groups.length > 0 && (
        <Bars
          name="Milliseconds a step by case"
          axis="Time of a step in ms"
          groups={groups}
          format={(tick) => significant(tick)}
        />
      )}
      {some && <ResultTable />}
      {some && (
        <p class="hint">Medians of alternating measurements. {contenders.value.length > 1 && COMPARED}</p>
      )}
      {some && <CopyButton />}
    </Panel>
  );
}

/** Screen readers read the case's title, but not the progress within, which changes too fast. */
function ProgressLine() {
  const now = progress.value;
  return (
    <div class="compare-progress">
      <p role="status">{now ? now.title : ended.value}</p>
      {now && (
        <>
          <progress aria-label="Cases measured" max={now.cases} value={now.done} />
          <p class="hint">{now.now}</p>
        </>
      )}
    </div>
  );
}

function groupsOf(rows: readonly Row[]): BarGroup[] {
  return rows.flatMap(({ step, result }) => {
    const bars = contenders.value.flatMap((name) => {
      const entry = result?.entries[name];
      if (!entry || entry.fails !== undefined) return [];
      const { median } = entry.milliseconds;
      const { fullName } = CONTENDERS[name];
      return [{ name: fullName, color: COLORS[name], value: median, label: `${significant(median)} ms` }];
    });
    return bars.length > 0 ? [{ name: titleOf(step), bars }] : [];
  });
}

const COMPARED =
  "The losses of the first steps are first compared with the CPU engine's; a contender with other losses is not timed. The faster one shows the ratio of the times.";

const COLORS: Readonly<Record<ContenderName, number>> = {
  gpu: 1,
  wasm: 5,
  cpu: 2,
  tensorflow: 3,
  jax: 4,
  jaxWasm: 6,
};

/** Files of a trained network, to save and to load. */
import { useRef, useState } from "preact/hooks";
import { download } from "../widgets/download.ts";
import { Notice } from "../widgets/notice.tsx";
import { Panel } from "../widgets/panel.tsx";
import { history, load, program, progress, weights } from "./store.ts";

export function FilesPanel() {
  const [problem, setProblem] = useState("");
  const [said, setSaid] = useState("");
  const picker = useRef<HTMLInputElement>(null);
  const none = progress.value.step === 0 && progress.value.parameters === 0;
  const doing = async (work: () => Promise<string>) => {
    setProblem("");
    setSaid("");
    try {
      setSaid(await work());
    } catch (error) {
      setProblem((error as Error).message);
    }
  };
  const save = (name: string, content: () => Promise<string | Uint8Array>, type: string) =>
    void doing(async () => {
      download(name, await content(), type);
      return `${name} is in your downloads.`;
    });
  const opened = (file: File | undefined) => {
    if (!file) return;
    void doing(async () => {
      await load(new Uint8Array(await file.arrayBuffer()));
      return `The weights of ${file.name} are loaded.`;
    });
    // So that the same file can be chosen again.
    if (picker.current) picker.current.value = "";
  };
  return (
    <Panel class="train-files" title="Save and load" hint="The weights have PyTorch's names and layouts.">
      <div class="buttons">
        <button
          type="button"
          class="small"
          disabled={none}
          onClick={() => save("wgrad.safetensors", weights, "application/octet-stream")}
        >
          Weights
        </button>
        <button
          type="button"
          class="small"
          disabled={none}
          onClick={() => save("wgrad-history.csv", async () => history.csv(), "text/csv")}
        >
          History
        </button>
        <button
          type="button"
          class="small"
          disabled={none}
          onClick={() => save("wgrad-step.txt", program, "text/plain")}
        >
          Program
        </button>
        <button type="button" class="small" onClick={() => picker.current?.click()}>
          Load weights…
        </button>
        <input
          ref={picker}
          type="file"
          accept=".safetensors"
          hidden
          aria-label="Weights to load, a safetensors file"
          onChange={(event) => opened(event.currentTarget.files?.[0])}
        />
      </div>
      {said && <Notice kind="info">{said}</Notice>}
      {problem && <Notice kind="bad">{problem}</Notice>}
    </Panel>
  );
}

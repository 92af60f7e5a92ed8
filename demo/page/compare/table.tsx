/** The numbers as a table, which can be copied. */

import { useEffect, useRef, useState } from "preact/hooks";
import { Scroll } from "../widgets/scroll.tsx";
import { keyOf } from "./cases.ts";
import { contenders, measuredAt, progress, rows } from "./comparison.ts";
import { adapter, thisMachine } from "./machine.ts";
import { adapterWords } from "./machine-panel.tsx";
import { columnsFor, markdown, remarks } from "./results.ts";

export function ResultTable() {
  const columns = columnsFor(contenders.value);
  return (
    <>
      <Scroll label="Results">
        <table class="compare-table">
          <thead>
            <tr>
              {columns.map(({ name }) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.value.map((row) => (
              <tr key={keyOf(row.step)}>
                {columns.map(({ name, cell }, column) =>
                  column === 0 ? (
                    <th key={name} scope="row">
                      {cell(row)}
                    </th>
                  ) : (
                    <td key={name}>{cell(row)}</td>
                  ),
                )}
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      {remarks(rows.value).map((remark) => (
        <p key={remark} class="hint">
          {remark}
        </p>
      ))}
    </>
  );
}

/** The table's text with its origin: a table without its machine says nothing. */
function tableText(): string {
  const { browser, cores, wgrad } = thisMachine();
  const answer = adapter.value;
  const found = answer && !("none" in answer) ? answer : undefined;
  const day = measuredAt.value?.toISOString().slice(0, 10) ?? "";
  return markdown(columnsFor(contenders.value), rows.value, [
    `wgrad ${wgrad}, ${browser}, WebGPU adapter: ${adapterWords(found)}, ${cores} processor cores, ${day}.`,
    "One training step: forward, backward, Adam. Medians of alternating measurements.",
  ]);
}

export function CopyButton() {
  const [said, setSaid] = useState("");
  /** The text that the browser did not let the page copy. */
  const [text, setText] = useState("");
  const area = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    area.current?.focus();
    area.current?.select();
  }, [text]);
  const copy = async () => {
    const table = tableText();
    try {
      await navigator.clipboard.writeText(table);
      setText("");
      setSaid("Copied.");
    } catch {
      setText(table);
      setSaid("Your browser does not allow the page to copy. The table is selected: press Ctrl+C, or ⌘C.");
    }
  };
  return (
    <div class="compare-copy">
      <div class="buttons">
        <button type="button" class="small" disabled={progress.value !== undefined} onClick={copy}>
          Copy table
        </button>
        <p role="status" class="hint">
          {said}
        </p>
      </div>
      {text && <textarea ref={area} readOnly rows={8} aria-label="The table as Markdown" value={text} />}
    </div>
  );
}

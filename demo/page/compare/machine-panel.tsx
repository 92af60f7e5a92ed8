/** The machine that the numbers belong to. */
import { adapterLine } from "../../../charts/adapter.ts";
import { FigureList } from "../widgets/figure-list.tsx";
import { bytes } from "../widgets/numbers.ts";
import { Panel } from "../widgets/panel.tsx";
import { adapter, thisMachine } from "./machine.ts";
import type { AdapterReport } from "./service.ts";

export function MachinePanel() {
  const { browser, cores, wgrad } = thisMachine();
  const answer = adapter.value;
  const found = answer && !("none" in answer) ? answer : undefined;
  return (
    <Panel title="This machine">
      <FigureList
        class="compare-machine"
        figures={[
          ["WebGPU adapter", answer ? adapterWords(found) : "asking…"],
          ["Browser", browser],
          ["Processor cores", `${cores}`],
          ["Threads of WebAssembly", crossOriginIsolated ? `${cores}` : "1: this page is not isolated"],
          ["wgrad", wgrad],
        ]}
      />
      {found && <Features report={found} />}
      {found && <Limits report={found} />}
    </Panel>
  );
}

export function adapterWords(report: AdapterReport | undefined): string {
  return report ? adapterLine(report.name) : "none";
}

function Features({ report: { features } }: { readonly report: AdapterReport }) {
  return (
    <details>
      <summary>Features of the adapter ({features.length})</summary>
      <ul class="compare-features">
        {features.map((feature) => (
          <li key={feature}>
            <code>{feature}</code>
          </li>
        ))}
      </ul>
    </details>
  );
}

function Limits({ report: { limits } }: { readonly report: AdapterReport }) {
  return (
    <details>
      <summary>Limits of the adapter ({limits.length})</summary>
      <table class="compare-limits">
        <thead>
          <tr>
            <th scope="col">Limit</th>
            <th scope="col">Value</th>
          </tr>
        </thead>
        <tbody>
          {limits.map(([name, value]) => (
            <tr key={name}>
              <th scope="row">
                <code>{name}</code>
              </th>
              <td>
                {value.toLocaleString("en-US")}
                {isBytes(name) && value >= 1024 && ` (${bytes(value)})`}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}

function isBytes(limit: string): boolean {
  return /(Buffer|Binding|Storage|Immediate)Size$|Bytes/.test(limit);
}

/** The memory of the step: lasting buffers, and temporary tensors that share storage within a step. */
import type { BufferMemory, MemoryLayout } from "wgrad/inspect";
import { bytes } from "../widgets/numbers.ts";
import { Panel } from "../widgets/panel.tsx";
import { Scroll } from "../widgets/scroll.tsx";
import type { Recording } from "./messages.ts";

/** In the order shown. What the optimizer keeps of each parameter is state, too. */
const GROUPS = [
  { kind: "state", title: "Parameters, gradients and the optimizer's memory" },
  { kind: "data", title: "Images, classes and their order" },
  { kind: "input", title: "Inputs" },
  { kind: "constant", title: "Constants" },
  { kind: "output", title: "Outputs, a row a step" },
] as const;

/** The library's names of memory, explained. */
const NAMES: Readonly<Record<string, string>> = {
  first: "first moments",
  second: "second moments",
  blocks: "rate and decay by block",
  inputs: "images",
  targets: "classes",
  order: "order of images",
  correct: "hits",
};

export function MemoryPanel({ memory, launches, images }: Recording) {
  const largest = Math.max(...memory.buffers.map((buffer) => buffer.bytes), ...memory.slots);
  const groups = GROUPS.map(({ kind, title }) => ({
    title,
    rows: memory.buffers.filter((buffer) => buffer.kind === kind),
  }));
  return (
    <Panel
      title="Memory"
      hint={`${bytes(memory.bytes)} in all. The data are ${images.toLocaleString("en-US")} random images here; MNIST's 60,000 take 45 MiB.`}
    >
      <div class="grid">
        {groups
          .filter(({ rows }) => rows.length > 0)
          .map(({ title, rows }) => (
            <div key={title}>
              <h3>
                {title} <span class="muted">{bytes(sumOf(rows))}</span>
              </h3>
              <Bars
                rows={rows.map(({ name, bytes }) => ({ name: NAMES[name] ?? name, bytes }))}
                largest={largest}
              />
            </div>
          ))}
        {memory.slots.length > 0 && (
          <div>
            <h3>
              Between launches, in shared storage{" "}
              <span class="muted">{bytes(memory.slots.reduce((sum, size) => sum + size, 0))}</span>
            </h3>
            <Bars
              rows={memory.slots.map((size, slot) => ({ name: `storage ${slot + 1}`, bytes: size }))}
              largest={largest}
            />
          </div>
        )}
      </div>
      <Lives memory={memory} count={launches.length} />
    </Panel>
  );
}

function sumOf(buffers: readonly { readonly bytes: number }[]): number {
  return buffers.reduce((sum, buffer) => sum + buffer.bytes, 0);
}

interface BarsProps {
  readonly rows: readonly { readonly name: string; readonly bytes: number }[];
  readonly largest: number;
}

function Bars({ rows, largest }: BarsProps) {
  return (
    <ul class="inside-bars">
      {rows.map(({ name, bytes: size }) => (
        <li key={name}>
          <span>{name}</span>
          <span class="inside-bar" style={`--part: ${size / largest}`} />
          <span class="number">{bytes(size)}</span>
        </li>
      ))}
    </ul>
  );
}

/** Which temporary lies in which piece of storage, from its first launch to its last. */
function Lives({ memory, count }: { readonly memory: MemoryLayout; readonly count: number }) {
  const living = memory.buffers.filter((buffer) => buffer.slot !== undefined);
  if (living.length === 0) return null;
  const apart = sumOf(living);
  const shared = memory.slots.reduce((sum, size) => sum + size, 0);
  return (
    <>
      <h3>Storage of temporaries, by launch</h3>
      <p class="hint">
        A temporary tensor needs storage only until its last reader is done. So {living.length} tensors of{" "}
        {bytes(apart)} share {memory.slots.length} pieces of storage of {bytes(shared)}.
      </p>
      <Scroll label="Storage by launch">
        <ul class="inside-lives" style={`--count: ${count}; --slots: ${memory.slots.length}`}>
          {Array.from({ length: count }, (_, i) => (
            <li
              key={`launch ${i}`}
              class="inside-at"
              style={`grid-column: ${i + 2}; grid-row: 1`}
              aria-hidden="true"
            >
              {i + 1}
            </li>
          ))}
          {memory.slots.map((size, slot) => (
            <li key={`slot ${slot}`} class="inside-slot" style={`grid-row: ${slot + 2}`} aria-hidden="true">
              {slot + 1}: {bytes(size)}
            </li>
          ))}
          {living.map((buffer) => (
            <Life key={`${buffer.slot} ${buffer.life?.[0]} ${buffer.name}`} {...buffer} />
          ))}
        </ul>
      </Scroll>
    </>
  );
}

function Life({ name, slot = 0, life = [0, 0], bytes: size }: BufferMemory) {
  const [first, last] = life;
  const words = `${name}, ${bytes(size)}: launches ${first + 1} to ${last + 1}, in storage ${slot + 1}`;
  return (
    <li
      class="inside-life"
      style={`grid-row: ${slot + 2}; grid-column: ${first + 2} / ${last + 3}`}
      title={words}
    >
      <span aria-hidden="true">{name}</span>
      <span class="visually-hidden">{words}</span>
    </li>
  );
}

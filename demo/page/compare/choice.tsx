/** The choices: models with batch sizes, and other libraries. */
import { Check } from "../widgets/field.tsx";
import { BATCHES, CONTENDERS, keyOf, MODELS, type ModelName, needsGpu, PEERS } from "./cases.ts";
import { chosen, peers } from "./comparison.ts";

/** Whether this build of the page has the other libraries. */
declare const __PEERS_BUILT_IN__: boolean;

export function CaseChoice({ disabled }: { readonly disabled: boolean }) {
  return (
    <>
      {(Object.keys(MODELS) as ModelName[]).map((model) => (
        <fieldset key={model} class="compare-choice" disabled={disabled}>
          <legend>
            {MODELS[model].name} <span class="muted">{MODELS[model].hint}</span>
          </legend>
          {BATCHES[model].map((batch) => {
            const key = keyOf({ model, batch });
            return (
              <label key={batch}>
                <input
                  type="checkbox"
                  checked={chosen.value.has(key)}
                  onChange={() => {
                    chosen.value = toggled(chosen.value, key);
                  }}
                />
                <span>
                  <span class="visually-hidden">Batch </span>
                  {batch}
                </span>
              </label>
            );
          })}
        </fieldset>
      ))}
    </>
  );
}

export function PeerChoice({ disabled, gpu }: { readonly disabled: boolean; readonly gpu: boolean }) {
  return (
    <fieldset class="compare-choice">
      <legend>Other libraries, on the same device</legend>
      {PEERS.map((name) => (
        <Check
          key={name}
          label={CONTENDERS[name].name}
          checked={(gpu || !needsGpu(name)) && peers.value.has(name)}
          disabled={disabled || !(gpu || !needsGpu(name)) || !__PEERS_BUILT_IN__}
          onChange={() => {
            peers.value = toggled(peers.value, name);
          }}
        />
      ))}
      <p class="help">{peersHelp(gpu)}</p>
    </fieldset>
  );
}

function peersHelp(gpu: boolean): string {
  if (!__PEERS_BUILT_IN__) {
    return "This build of the page lacks these libraries: their installation failed when the page was built.";
  }
  return gpu
    ? "The page loads these libraries only when you switch them on."
    : "Without a GPU, the first two cannot be compared.";
}

function toggled<Value>(set: ReadonlySet<Value>, value: Value): ReadonlySet<Value> {
  const changed = new Set(set);
  if (!changed.delete(value)) changed.add(value);
  return changed;
}

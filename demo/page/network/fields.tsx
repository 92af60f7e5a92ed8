/** The network and its optimizer, to be chosen. */
import type { ComponentChildren } from "preact";
import { ACTIVATIONS, OPTIMIZERS } from "../../../presets/choices.ts";
import { optionsOf, Select, TextField } from "../widgets/field.tsx";
import { hasActivation, MODELS, parseHidden, rateFor, type Settings } from "./settings.ts";

interface NetworkFieldsProps {
  readonly settings: Settings;
  readonly help?: ComponentChildren;
  readonly onChange: (change: Partial<Settings>) => void;
}

export function NetworkFields({ settings, help, onChange }: NetworkFieldsProps) {
  return (
    <>
      <div class="wide">
        <Select
          label="Model"
          value={settings.model}
          options={optionsOf(MODELS)}
          help={help}
          onChange={(model) => onChange({ model })}
        />
      </div>
      {settings.model === "mlp" && (
        <TextField
          label="Hidden layers"
          value={settings.hidden}
          format={(widths) => widths.join(", ")}
          parse={parseHidden}
          onChange={(hidden) => onChange({ hidden })}
        />
      )}
      {hasActivation(settings) && (
        <Select
          label="Activation"
          value={settings.activation}
          options={optionsOf(ACTIVATIONS)}
          onChange={(activation) => onChange({ activation })}
        />
      )}
      <div class="wide">
        <Select
          label="Optimizer"
          value={settings.optimizer}
          options={optionsOf(OPTIMIZERS)}
          onChange={(optimizer) => onChange({ optimizer, learningRate: rateFor(optimizer) })}
        />
      </div>
    </>
  );
}

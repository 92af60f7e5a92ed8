/** What the recorded step is of. */
import { ACTIVATIONS, OPTIMIZERS, type OptimizerName } from "../../../presets/choices.ts";
import { device } from "../device.tsx";
import { hasActivation, MODELS, parseHidden, rateFor, type Settings } from "../network/settings.ts";
import { NumberField, Select, TextField } from "../widgets/field.tsx";

interface StepSettingsProps {
  readonly settings: Settings;
  readonly onChange: (settings: Settings) => void;
}

const MOST_IMAGES = 2000;

export function StepSettings({ settings, onChange }: StepSettingsProps) {
  const choose = (change: Partial<Settings>) => onChange({ ...settings, ...change });
  const noGpu = device.value?.reason !== undefined;
  return (
    <div class="fields inside-settings">
      <Select
        label="Model"
        value={settings.model}
        options={optionsOf(MODELS)}
        onChange={(model) => choose({ model })}
      />
      {settings.model === "mlp" && (
        <TextField
          label="Hidden layers"
          value={settings.hidden}
          format={(widths) => widths.join(", ")}
          parse={parseHidden}
          onChange={(hidden) => choose({ hidden })}
        />
      )}
      {hasActivation(settings) && (
        <Select
          label="Activation"
          value={settings.activation}
          options={optionsOf(ACTIVATIONS)}
          onChange={(activation) => choose({ activation })}
        />
      )}
      <Select
        label="Optimizer"
        value={settings.optimizer}
        options={Object.entries(OPTIMIZERS).map(
          ([name, { label }]) => [name as OptimizerName, label] as const,
        )}
        onChange={(optimizer) => choose({ optimizer, lr: rateFor(optimizer) })}
      />
      <NumberField
        label="Batch size"
        value={settings.batchSize}
        from={1}
        to={MOST_IMAGES}
        whole
        onChange={(batchSize) => choose({ batchSize })}
      />
      {!noGpu && (
        <Select
          label="Compute on"
          value={settings.engine}
          options={[
            ["gpu", "the GPU"],
            ["cpu", "the CPU engine"],
          ]}
          onChange={(engine) => choose({ engine })}
        />
      )}
    </div>
  );
}

function optionsOf<Name extends string>(labels: Record<Name, string>) {
  return Object.entries(labels) as [Name, string][];
}

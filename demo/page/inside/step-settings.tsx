/** The choices behind the recorded step. */
import { device, enginesOf } from "../device.tsx";
import { NetworkFields } from "../network/fields.tsx";
import type { Settings } from "../network/settings.ts";
import { NumberField, Select } from "../widgets/field.tsx";

interface StepSettingsProps {
  readonly settings: Settings;
  readonly onChange: (settings: Settings) => void;
}

const MOST_IMAGES = 2000;

export function StepSettings({ settings, onChange }: StepSettingsProps) {
  const choose = (change: Partial<Settings>) => onChange({ ...settings, ...change });
  return (
    <div class="fields inside-settings">
      <NetworkFields settings={settings} onChange={choose} />
      <NumberField
        label="Batch size"
        value={settings.batchSize}
        from={1}
        to={MOST_IMAGES}
        whole
        onChange={(batchSize) => choose({ batchSize })}
      />
      <Select
        label="Compute on"
        value={settings.engine}
        options={enginesOf(device.value ?? {})}
        onChange={(engine) => choose({ engine })}
      />
    </div>
  );
}

/** The settings of a run. */
import { device, engineHelp, enginesOf } from "../device.tsx";
import { NetworkFields } from "../network/fields.tsx";
import { AUGMENTATIONS, hasDropout, SCHEDULES } from "../network/settings.ts";
import { NumberField, optionsOf, Select } from "../widgets/field.tsx";
import { choose, progress, settings } from "./store.ts";

const DATASETS = [
  ["mnist", "MNIST, an 11 MB download"],
  ["digits", "Digits, no download"],
] as const;

export function SettingsPanel() {
  const chosen = settings.value;
  const found = device.value ?? {};
  const { data, parameters } = progress.value;
  return (
    <details class="panel settings" open={matchMedia("(min-width: 861px)").matches}>
      <summary>
        <h2>Settings</h2>
      </summary>
      <div class="fields">
        <div class="wide">
          <Select
            label="Images"
            value={chosen.dataset}
            options={DATASETS}
            help={
              data &&
              `${data.train.toLocaleString("en-US")} to train on, ${data.test.toLocaleString("en-US")} to validate`
            }
            onChange={(dataset) => choose({ dataset })}
          />
        </div>
        <NetworkFields
          settings={chosen}
          help={parameters > 0 ? `${parameters.toLocaleString("en-US")} parameters in this run` : undefined}
          onChange={choose}
        />
        <NumberField
          label="Learning rate"
          value={chosen.learningRate}
          from={0}
          to={100}
          onChange={(learningRate) => choose({ learningRate })}
        />
        <NumberField
          label="Batch size"
          value={chosen.batchSize}
          from={1}
          to={2000}
          whole
          onChange={(batchSize) => choose({ batchSize })}
        />
        <div class="wide">
          <Select
            label="Schedule of the learning rate"
            value={chosen.schedule}
            options={optionsOf(SCHEDULES)}
            onChange={(schedule) => choose({ schedule })}
          />
        </div>
        <NumberField
          label="Epochs"
          value={chosen.epochs}
          from={1}
          to={1000}
          whole
          onChange={(epochs) => choose({ epochs })}
        />
        <NumberField
          label="Seed"
          value={chosen.seed}
          from={0}
          to={1e9}
          whole
          onChange={(seed) => choose({ seed })}
        />
        {hasDropout(chosen) && (
          <NumberField
            label="Dropout"
            value={chosen.dropout}
            from={0}
            to={0.9}
            onChange={(dropout) => choose({ dropout })}
          />
        )}
        <NumberField label="L2 penalty" value={chosen.l2} from={0} to={1} onChange={(l2) => choose({ l2 })} />
        <div class="wide">
          <Select
            label="Augmentation"
            value={chosen.augmentation}
            options={optionsOf(AUGMENTATIONS)}
            onChange={(augmentation) => choose({ augmentation })}
          />
        </div>
        <div class="wide">
          <Select
            label="Compute on"
            value={chosen.engine}
            options={enginesOf(found)}
            help={engineHelp(found)}
            onChange={(engine) => choose({ engine })}
          />
        </div>
      </div>
    </details>
  );
}

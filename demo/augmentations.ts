/**
 * A contact sheet of augmentations: some images as training would see them.
 *
 *   npm run augmentations -- rotate=15 translate=2 elastic=34,4 --out sheet.svg
 */
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { type Engine, writeFileWhole } from "wgrad";
import { AUGMENTATION_FORMS, type Augmentation, augment, augmentationNamed, preview } from "wgrad/augment";
import { type Dataset, digits } from "wgrad/data";
import { drawChart } from "../charts/draw.ts";
import { type EngineName, engineOption, openEngine, wholeNumber } from "../presets/command.ts";
import { ImageSource } from "./experiments/frame/data.ts";
import { greyPicture } from "./experiments/frame/pictures.ts";

const PROGRAM = "npm run augmentations --";

interface Flags {
  readonly images: number;
  readonly epochs: number;
  readonly seed: number;
  readonly out: string;
  readonly data?: string;
  readonly digits?: boolean;
  readonly engine?: EngineName;
}

function parsed(text: string): Augmentation {
  try {
    return augmentationNamed(text);
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? `${error.message}.` : String(error));
  }
}

function command(): Command {
  return new Command(PROGRAM)
    .usage("<augmentation>... [options]")
    .description(
      "Draws a contact sheet: images as they are, and as training with augmentation would see them.",
    )
    .argument(
      "<augmentation...>",
      "such as rotate=15, the first first",
      (text: string, before: Augmentation[] = []) => [...before, parsed(text)],
    )
    .addOption(new Option("--images <n>", "rows of the sheet").argParser(wholeNumber(1, 100)).default(6))
    .addOption(new Option("--epochs <n>", "columns of the sheet").argParser(wholeNumber(1, 50)).default(8))
    .addOption(new Option("--seed <n>", "as in fit").argParser(wholeNumber(0, 2 ** 32 - 1)).default(0))
    .addOption(new Option("--out <file>", "where the sheet goes, as SVG").default("augmentations.svg"))
    .addOption(
      new Option("--data <folder>", "MNIST's four files (default: $MNIST_DIR, the cache, or a mirror)"),
    )
    .addOption(new Option("--digits", "the built-in digits instead of MNIST").conflicts("data"))
    .addOption(engineOption())
    .helpOption("-h, --help", "shows this")
    .addHelpText(
      "after",
      `\nAugmentations, with their numbers; those in brackets may be left out:\n${AUGMENTATION_FORMS.map((form) => `  ${form}`).join("\n")}`,
    )
    .exitOverride();
}

async function sheet(
  engine: Engine,
  data: Dataset,
  augmentations: readonly Augmentation[],
  flags: Flags,
): Promise<string> {
  const [channels, height, width] = data.inputs.shape;
  if (channels !== 1) throw new Error(`the images have ${channels} channels; the sheet is for grey ones`);
  const changes = augment(...augmentations);
  const previews = await preview(engine, data, changes, {
    samples: Array.from({ length: flags.images }, (_, i) => i),
    epochs: Array.from({ length: flags.epochs }, (_, i) => i + 1),
    seed: flags.seed,
  });
  const picture = (values: Float32Array) => greyPicture(values, height, width);
  return drawChart(
    {
      kind: "pictures",
      title: changes.name,
      columns: ["as it is", ...previews[0].epochs.map((_, i) => `epoch ${i + 1}`)],
      rows: previews.map(({ sample, original, epochs }) => ({
        label: `image ${sample}`,
        pictures: [picture(original), ...epochs.map(picture)],
      })),
    },
    `${data.name}, seed ${flags.seed}`,
  );
}

async function main(args: readonly string[]): Promise<void> {
  const program = command();
  program.parse([...args], { from: "user" });
  const flags = program.opts<Flags>();
  const note = (line: string) => void process.stderr.write(`${line}\n`);
  const source = new ImageSource(flags.data, note);
  const counts = { train: Math.max(flags.images, 10), test: 1 };
  const { train } = flags.digits ? digits(counts) : await source.take(counts);
  const engine = await openEngine("--engine", flags.engine, note);
  try {
    await writeFileWhole(flags.out, await sheet(engine, train, program.processedArgs[0], flags));
    note(`written: ${flags.out}`);
  } finally {
    // A process with a GPU device does not end by itself.
    await engine.destroy();
  }
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof CommanderError)) {
    process.stderr.write(`augmentations: ${error instanceof Error ? error.message : error}\n`);
    process.exitCode = 1;
  } else process.exitCode = error.exitCode === 0 ? 0 : 2;
}

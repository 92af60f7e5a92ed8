/** The command lines of the small demos: options with a value each, `--help`, and a line for each mistake. */
import process from "node:process";
import { parseArgs } from "node:util";

/** Defaults of options by name; undefined for an option without a default. */
type Defaults = Readonly<Record<string, string | undefined>>;

export class Arguments<D extends Defaults> {
  readonly #values: Readonly<Record<string, string | undefined>>;

  /** @param usage the text of `--help`. Ends the process after printing the text, and where the command line makes no sense. */
  constructor(usage: string, defaults: D) {
    this.#values = parsed(usage, defaults);
  }

  text(name: keyof D & string): string | undefined {
    return this.#values[name];
  }

  /** A whole number from `least` on, or without that any positive number. */
  number(name: keyof D & string, least?: number): number {
    const value = Number(this.#values[name]);
    if (least === undefined ? value > 0 && value < Infinity : Number.isInteger(value) && value >= least)
      return value;
    const expected = least === undefined ? "a positive number" : `a whole number from ${least}`;
    return refuse(`--${name} is ${this.#values[name]}; give ${expected}`);
  }

  /** The same, where the option may be left out. */
  numberIfAny(name: keyof D & string, least?: number): number | undefined {
    return this.#values[name] === undefined ? undefined : this.number(name, least);
  }
}

/** The command line of the training loops. */
export function loopArguments(script: string) {
  const args = new Arguments(
    `npm run ${script} -- [--steps 300] [--batch 128] [--learning-rate 0.001] [--seed 1]`,
    { steps: "300", batch: "128", "learning-rate": "0.001", seed: "1" },
  );
  return {
    steps: args.number("steps", 1),
    batchSize: args.number("batch", 1),
    learningRate: args.number("learning-rate"),
    seed: args.number("seed", 0),
  };
}

function parsed(usage: string, defaults: Defaults): Readonly<Record<string, string | undefined>> {
  const options = Object.fromEntries(
    Object.entries(defaults).map(([name, value]) => [name, { type: "string" as const, default: value }]),
  );
  const all = { ...options, help: { type: "boolean" as const, short: "h" } };
  // `--lr` is the same as `--learning-rate`.
  const args = process.argv.slice(2).map((text) => text.replace(/^--lr(?==|$)/, "--learning-rate"));
  try {
    const { values } = parseArgs({ args, options: all });
    if (!values.help) return { ...values, help: undefined };
  } catch (error) {
    refuse(`${(error as Error).message.split("\n")[0]} (--help lists the options)`);
  }
  console.log(usage);
  process.exit(0);
}

/** Prints the mistake in a line, and ends the process with the exit code of wrong use. */
export function refuse(message: string): never {
  console.error(message);
  process.exit(2);
}

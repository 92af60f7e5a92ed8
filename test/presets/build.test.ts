/** The tables that programs share, and what they build. */
import { describe, expect, it } from "vitest";
import * as wgrad from "wgrad";
import { network, optimizerOf } from "../../presets/build.ts";
import { ACTIVATIONS, type ActivationName, OPTIMIZERS, type OptimizerName } from "../../presets/choices.ts";

const names = Object.keys(OPTIMIZERS) as OptimizerName[];
/** Those that are no function of the library. */
const OTHERS: Record<string, () => wgrad.Optimizer> = {
  momentum: () => wgrad.sgd({ momentum: 0.9 }),
  nesterov: () => wgrad.sgd({ momentum: 0.9, nesterov: true }),
};

/** An optimizer as plain data. */
const plain = (optimizer: wgrad.Optimizer) => JSON.parse(JSON.stringify(optimizer));

describe("an optimizer of the table", () => {
  it.each(names)("%s has the library's defaults", (name) => {
    const make = OTHERS[name] ?? (wgrad as unknown as Record<string, () => wgrad.Optimizer>)[name];
    expect(plain(optimizerOf(name))).toEqual(plain(make()));
  });

  it.each(names)("%s takes each of its settings", (name) => {
    const settings = Object.keys(OPTIMIZERS[name].defaults);
    for (const setting of settings) {
      expect(plain(optimizerOf(name, { [setting]: 0.321 }))).not.toEqual(plain(optimizerOf(name)));
    }
  });
});

describe("a network", () => {
  it.each(Object.keys(ACTIVATIONS) as ActivationName[])("has %s behind its hidden layers", (activation) => {
    const { layers } = network({ hidden: [3, 2], classes: 4, activation });
    expect(layers.map(({ name }) => name)).toEqual(["dense", activation, "dense", activation, "dense"]);
  });
});

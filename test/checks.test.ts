import { describe, expect, expectTypeOf, it } from "vitest";
import { checkOptions, inWords, nearest, type OptionKinds, unknownOption } from "../src/checks.ts";

interface Options {
  readonly batchSize?: number;
  readonly shuffle?: boolean;
  readonly dir?: string;
  readonly mode?: "max" | "min";
  readonly onEpoch?: (epoch: number) => void;
  readonly callbacks?: readonly object[];
  readonly data?: { readonly count: number };
}
const KINDS: OptionKinds<Options> = {
  batchSize: "number",
  shuffle: "boolean",
  dir: "string",
  mode: "string",
  onEpoch: "function",
  callbacks: "array",
  data: "any",
};
const check = (options: unknown) => checkOptions<Options>("fit", options as Options, KINDS);

describe("checkOptions", () => {
  it("gives back what it knows", () => {
    const options = { batchSize: 3, shuffle: false, callbacks: [], data: { count: 1 }, dir: undefined };
    expect(check(options)).toBe(options);
    expect(check({})).toEqual({});
  });

  it.each([
    ["batchsize", "did you mean batchSize?"],
    ["batch_size", "did you mean batchSize?"],
    ["bacthSize", "did you mean batchSize?"],
    ["onepoch", "did you mean onEpoch?"],
    ["folder", "did you mean dir?"],
    ["activation", "put the activation behind it, as a layer of its own: relu()"],
    ["constructor", "there are batchSize, shuffle, dir, mode, onEpoch, callbacks, data"],
    ["qqqq", "there are batchSize, shuffle, dir, mode, onEpoch, callbacks, data"],
  ])("refuses %s: %s", (name, advice) => {
    const message = `fit: there is no option "${name}"; ${advice}`;
    expect(() => check({ [name]: 1 })).toThrow(new TypeError(message));
    expect(() => check({ [name]: undefined })).toThrow(new TypeError(message));
  });

  it.each([
    [{ batchSize: "32" }, 'batchSize is "32"; give a number'],
    [{ batchSize: null }, "batchSize is null; give a number, or leave it out"],
    [{ shuffle: "no" }, 'shuffle is "no"; give true or false'],
    [{ dir: 3 }, "dir is 3; give a string"],
    [{ onEpoch: {} }, "onEpoch is {}; give a function"],
    [{ callbacks: { name: "a" } }, "callbacks is an object with name; give an array"],
    [{ data: null }, "data is null; give a value, or leave it out"],
  ])("refuses %o", (options, message) => {
    expect(() => check(options)).toThrow(new TypeError(`fit: ${message}`));
  });

  it.each([
    [32, "32"],
    ["relu", '"relu"'],
    [null, "null"],
    [[1, 2], "an array of 2"],
    [new Float32Array(3), "a Float32Array of 3"],
    [Promise.resolve(1), "a Promise (put await in front of it)"],
    [function relu() {}, "the function relu"],
  ])("refuses %o in the place of options", (options, words) => {
    expect(() => check(options)).toThrow(TypeError);
    expect(() => check(options)).toThrow(
      `fit: the options are ${words}; give an object, with batchSize, shuffle, dir, mode, onEpoch, callbacks, data`,
    );
  });

  it("has a kind for each option, and no other", () => {
    expectTypeOf<OptionKinds<Options>>().toEqualTypeOf<{
      readonly batchSize: "number" | "any";
      readonly shuffle: "boolean" | "any";
      readonly dir: "string" | "any";
      readonly mode: "string" | "any";
      readonly onEpoch: "function" | "any";
      readonly callbacks: "array" | "any";
      readonly data: "any";
    }>();
  });
});

describe("unknownOption", () => {
  it.each([
    ["learning_rate", ["learningRate", "lr"], "did you mean learningRate?"],
    ["lr", ["learningRate"], "did you mean learningRate?"],
    ["momentum", ["learningRate", "beta1"], "there are learningRate, beta1"],
    ["momentum", ["loss", "optimizer"], "give it to the optimizer: adam({ learningRate: 0.001 })"],
    ["learningRate", ["lr", "momentum"], "did you mean lr?"],
    ["in_features", ["bias"], "leave it out: sizes of inputs follow from the data"],
    ["kernel_size", ["stride"], "give it as an argument, in front of the options"],
    ["a", ["bias"], "there is bias"],
    ["a", [], "it takes none"],
  ])("of %s among %o: %s", (name, names, advice) => {
    expect(unknownOption(name, names)).toBe(`there is no option "${name}"; ${advice}`);
  });
});

describe("nearest", () => {
  it("finds nothing where nothing is near, and the nearest of two", () => {
    expect(nearest("ab", ["abc", "xy"])).toBeUndefined();
    expect(nearest("betta2", ["beta1", "beta2"])).toBe("beta2");
  });
});

describe("values in words", () => {
  it.each([
    [Number.NaN, "NaN"],
    [12n, "12n"],
    [undefined, "undefined"],
    ["x".repeat(60), `"${"x".repeat(40)}…"`],
    [new Map(), "an object of class Map"],
    [Object.create(null), "{}"],
    [{ a: 1, b: 2, c: 3, d: 4, e: 5 }, "an object with a, b, c, d, …"],
    [() => 1, "a function"],
    [Symbol("s"), "Symbol(s)"],
  ])("%o is %s", (value, words) => {
    expect(inWords(value)).toBe(words);
  });
});

/** Checks of arguments for every part of the library: options by name and kind, and values in words. */

/** Kind of an option; "any" is checked by the function that uses the option. */
type KindOf<Value> = [Value] extends [boolean]
  ? "boolean"
  : [Value] extends [number]
    ? "number"
    : [Value] extends [string]
      ? "string"
      : [Value] extends [(...args: never[]) => unknown]
        ? "function"
        : [Value] extends [readonly unknown[]]
          ? "array"
          : "any";

/** A kind for each option of an interface; a missing or wrong kind is a type error. */
export type OptionKinds<Options> = {
  readonly [Name in keyof Options]-?: KindOf<NonNullable<Options[Name]>> | "any";
};

const EXPECTED: Readonly<Record<string, string>> = {
  boolean: "true or false",
  number: "a number",
  string: "a string",
  function: "a function",
  array: "an array",
};

/**
 * Checks the options of `owner`, and returns them.
 * @throws TypeError where `options` is no object, a name is no option (the message suggests the nearest), or a value is
 *   of another kind. The owner checks ranges and NaN.
 */
export function checkOptions<Options extends object>(
  owner: string,
  options: Options,
  kinds: NoInfer<OptionKinds<Options>>,
): Options {
  const known = kinds as Readonly<Record<string, string>>;
  const names = Object.keys(known);
  if (!isPlain(options)) throw noOptions(owner, options, names);
  for (const [name, value] of Object.entries(options)) {
    const kind = Object.hasOwn(known, name) ? known[name] : undefined;
    if (kind === undefined) {
      if (!isLiteral(options)) throw noOptions(owner, options, names);
      throw new TypeError(`${owner}: ${unknownOption(name, names)}`);
    }
    if (value !== undefined) checkKind(`${owner}: ${name}`, value, kind);
  }
  return options;
}

function noOptions(owner: string, options: unknown, names: readonly string[]): TypeError {
  const expected = names.length > 0 ? `an object, with ${names.join(", ")}` : "none";
  return new TypeError(`${owner}: the options are ${inWords(options)}; give ${expected}`);
}

function checkKind(what: string, value: unknown, kind: string): void {
  const fits = kind === "any" ? value !== null : kind === "array" ? isList(value) : typeof value === kind;
  if (fits) return;
  const expected = EXPECTED[kind] ?? "a value";
  throw new TypeError(
    `${what} is ${inWords(value)}; give ${expected}${value === null ? ", or leave it out" : ""}`,
  );
}

const INFINITE = Number.POSITIVE_INFINITY;

/** @throws TypeError where the value is no number, such as "32"; NaN passes */
export function checkNumber(what: string, value: unknown): asserts value is number {
  if (typeof value !== "number") throw new TypeError(`${what} is ${inWords(value)}; give a number`);
}

export function isWhole(value: unknown, least = 0, most = Number.MAX_SAFE_INTEGER): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= least && value <= most;
}

/** @throws RangeError unless the value is a whole number from `least` on */
export function checkWhole(what: string, value: unknown, least = 1): asserts value is number {
  if (!isWhole(value, least))
    throw new RangeError(`${what} is ${inWords(value)}; give a whole number from ${least}`);
}

/** @throws RangeError unless the value is a finite number from `low` to `high` */
export function checkFinite(what: string, value: number, low = -INFINITE, high = INFINITE): void {
  if (Number.isFinite(value) && value >= low && value <= high) return;
  const bounds = `${low === -INFINITE ? "" : ` from ${low}`}${high === INFINITE ? "" : ` to ${high}`}`;
  throw new RangeError(`${what} is ${inWords(value)}; give a finite number${bounds}`);
}

/** @throws RangeError unless the value is a finite number above 0 */
export function checkPositive(what: string, value: unknown): asserts value is number {
  if (typeof value === "number" && value > 0 && value < INFINITE) return;
  throw new RangeError(`${what} is ${inWords(value)}; give a finite number above 0`);
}

/** @throws RangeError unless the value is a number above 0 that 32 bits hold: as devices read it, not 0 and finite */
export function checkPositiveF32(what: string, value: number): void {
  checkPositive(what, value);
  if (value >= 2 ** -126 && Math.fround(value) < INFINITE) return;
  throw new RangeError(`${what} is ${value}; give a number from 1.2e-38 to 3.4e38, as 32 bits hold`);
}

/** @throws TypeError where the value is no string */
export function checkString(what: string, value: unknown): asserts value is string {
  if (typeof value !== "string") throw new TypeError(`${what} is ${inWords(value)}; give a string`);
}

/** @throws TypeError where the value is no object of values by name, as `{ x: … }` */
export function checkRecord(what: string, value: unknown): void {
  if (!isPlain(value)) throw new TypeError(`${what} ${inWords(value)}; give an object, values by name`);
}

/**
 * The bytes of a buffer or of a view of one.
 * @throws TypeError for any other value
 */
export function asBytes(owner: string, value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  throw new TypeError(`${owner}: the bytes are ${inWords(value)}; give a Uint8Array`);
}

/** @throws TypeError where an argument was given to a function without parameters */
export function checkNothing(owner: string, given: readonly unknown[]): void {
  if (given.length > 0)
    throw new TypeError(
      `${owner}: the function takes no argument, but got ${inWords(given[0])}; write ${owner}()`,
    );
}

function isPlain(value: unknown): value is object {
  return typeof value === "object" && value !== null && !isList(value) && !isPromise(value);
}

/** Whether the value is a plain object `{ … }`, of any realm, and no instance of a class. */
export function isLiteral(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

export function isClass(value: unknown): boolean {
  return typeof value === "function" && /^class\b/.test(Function.prototype.toString.call(value));
}

/** Whether a value is an array, typed or not. */
export function isList(value: unknown): value is ArrayLike<unknown> {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
}

export function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === "function";
}

/**
 * The result of a caller's function, which is used at once.
 * @throws TypeError where the function is `async`
 */
export function atOnce<T>(what: string, value: T): T {
  if (isPromise(value))
    throw new TypeError(`${what} gave ${inWords(value)}; write the function without async`);
  return value;
}

/** A value for messages: short, with its type where that is not obvious. */
export function inWords(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (typeof value === "function") return value.name ? `the function ${value.name}` : "a function";
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value !== "object" || value === null) return String(value);
  // What is refused is awaited by nobody: a rejection of its own would end the process.
  if (value instanceof Promise) value.catch(() => {});
  // Awaiting a run of fit also works, but returns its history.
  if (isPromise(value)) return "trainer" in value ? "a run of fit" : "a Promise (put await in front of it)";
  const type = Object.getPrototypeOf(value)?.constructor?.name;
  if (isList(value)) return `${type === "Array" ? "an array" : `a ${type}`} of ${value.length}`;
  // Tensors, errors, dates: values that describe themselves.
  if (value.toString !== Object.prototype.toString && typeof value.toString === "function")
    return String(value).slice(0, 60);
  if (!isLiteral(value)) return `an object of class ${type || "without a name"}`;
  const names = Object.keys(value);
  if (names.length === 0) return "{}";
  return `an object with ${names.slice(0, 4).join(", ")}${names.length > 4 ? ", …" : ""}`;
}

/**
 * The message about an unknown name.
 * @returns `there is no option "batchsize"; did you mean batchSize?`
 */
export function unknownOption(name: string, names: readonly string[], what = "option"): string {
  const missing = `there is no ${what} ${JSON.stringify(name)}`;
  const plain = plainly(name);
  const near = nearest(name, names) ?? FOREIGN.get(plain)?.find((own) => names.includes(own));
  if (near !== undefined) return `${missing}; did you mean ${near}?`;
  const advice = ADVICE.get(plain);
  // An optimizer is where it was given.
  const given = advice === TO_OPTIMIZER && names.includes("learningRate");
  if (advice !== undefined && !given) return `${missing}; ${advice}`;
  return names.length > 0 ? `${missing}; there ${listed(names)}` : `${missing}; it takes none`;
}

function listed(names: readonly string[]): string {
  return names.length === 1 ? `is ${names[0]}` : `are ${names.join(", ")}`;
}

/** The one of `names` nearest to `name`, if any is near. */
export function nearest(name: string, names: readonly string[]): string | undefined {
  const plain = plainly(name);
  let best: string | undefined;
  // One slip for every three letters.
  let least = Math.floor(plain.length / 3) + 1;
  for (const candidate of names) {
    const slips = distance(plain, plainly(candidate));
    if (slips < least) [best, least] = [candidate, slips];
  }
  return best;
}

/** Without separators and case: batch_size, batch-size, BatchSize. */
function plainly(name: string): string {
  return name.replace(/[_\-\s]/g, "").toLowerCase();
}

/** Number of letters changed, added, left out or swapped with the next (Damerau 1964, in its restricted form). */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const other = a[i - 1] === b[j - 1] ? 0 : 1;
      row[j] = Math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + other);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        row[j] = Math.min(row[j], before[j - 2] + 1);
    }
    [before, last] = [last, row];
  }
  return last[b.length];
}

/** Option names of other libraries, without separators and case, and the names here. */
const FOREIGN: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries({
    criterion: ["loss"],
    directory: ["dir"],
    eps: ["epsilon"],
    folder: ["dir"],
    biasinitializer: ["biasInit"],
    kernelinitializer: ["init"],
    l2: ["weightDecay", "penalty"],
    learningrate: ["learningRate", "lr"],
    lr: ["learningRate"],
    lrscheduler: ["schedule"],
    params: ["match"],
    path: ["dir"],
    randomstate: ["seed"],
    scheduler: ["schedule"],
    usebias: ["bias"],
    validationdata: ["validation"],
    verbose: ["onProgress"],
  }),
);

const ARGUMENT = "give it as an argument, in front of the options";
const TO_OPTIMIZER = "give it to the optimizer: adam({ learningRate: 0.001 })";
const FROM_DATA = "leave it out: sizes of inputs follow from the data";

/** Advice for options of other libraries that have no equivalent here. */
const ADVICE: ReadonlyMap<string, string> = new Map(
  Object.entries({
    activation: "put the activation behind it, as a layer of its own: relu()",
    betas: "give beta1 and beta2",
    fromlogits: "leave it out: losses take logits",
    infeatures: FROM_DATA,
    inchannels: FROM_DATA,
    inputdim: FROM_DATA,
    inputshape: FROM_DATA,
    kernelsize: ARGUMENT,
    learningrate: TO_OPTIMIZER,
    lr: TO_OPTIMIZER,
    momentum: TO_OPTIMIZER,
    outfeatures: ARGUMENT,
    outchannels: ARGUMENT,
    weightdecay: TO_OPTIMIZER,
    validationsplit: "split the data first: split(data, …) of wgrad/data, then give the option validation",
  }),
);

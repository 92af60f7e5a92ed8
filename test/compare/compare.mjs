/** Two records of the same programs, held against each other: which launches are equal, and by how much numbers differ. */

/** @typedef {import("./record.mjs").Recorded} Recorded */
/** @typedef {import("./record.mjs").RecordedLaunch} RecordedLaunch */
/** @typedef {Readonly<Record<string, readonly number[]>>} Numbers */

/**
 * Why something differs, and where. A difference that no reason covers is a failure, and so is a reason without a difference:
 * in each of the programs that it names, or in any, where it names none.
 * @typedef {object} Reason
 * @property {"launches" | "numbers"} of
 * @property {RegExp} [launch] the names of the launches that differ, or because of which numbers do (default: all)
 * @property {RegExp} [program] the names of the programs in which something does (default: those with such launches)
 * @property {"gpu" | "cpu"} [engine] default: both
 * @property {number} [within] how far numbers may be apart, in units in the last place (default: as far as they are)
 * @property {string} because
 */

/**
 * @typedef {object} Row
 * @property {string} program
 * @property {string} engine
 * @property {number} equal launches that are equal, of `launches`
 * @property {number} launches
 * @property {readonly string[]} changed names of launches that one of the two has alone
 * @property {number} ulps the largest difference between numbers in units in the last place of 32 bits; 0 where all are equal
 * @property {string} largest what has that difference
 * @property {readonly string[]} reasons
 * @property {readonly string[]} faults
 */

/** Compares two records, program by program. @returns {Row[]} */
export function compared(
  /** @type {readonly Recorded[]} */ before,
  /** @type {readonly Recorded[]} */ after,
  /** @type {readonly Reason[]} */ reasons,
) {
  const keyOf = (/** @type {Recorded} */ { program, engine }) => `${engine}: ${program}`;
  const [earlier, later] = [before, after].map((all) => new Map(all.map((one) => [keyOf(one), one])));
  const rows = [...new Set([...earlier.keys(), ...later.keys()])].map((key) => {
    const [one, other] = [earlier.get(key), later.get(key)];
    if (one && other) return comparedRow(one, other, reasons);
    const { program, engine, launches } = /** @type {Recorded} */ (one ?? other);
    return faultyRow(
      program,
      engine,
      `is not among the programs ${one ? "after" : "before"}`,
      launches.length,
    );
  });
  const unused = reasons.filter(({ because }) => !rows.some((row) => row.reasons.includes(because)));
  const stale = unused.filter(({ program, engine: its }) =>
    rows.some((row) => !program && row.engine === (its ?? row.engine)),
  );
  return [
    ...rows,
    ...stale.map(({ engine = "any", because }) => faultyRow("all", engine, `equal, in spite of: ${because}`)),
  ];
}

/** @returns {Row} */
function faultyRow(
  /** @type {string} */ program,
  /** @type {string} */ engine,
  /** @type {string} */ fault,
  launches = 0,
) {
  return {
    program,
    engine,
    equal: 0,
    launches,
    changed: [],
    ulps: 0,
    largest: "",
    reasons: [],
    faults: [fault],
  };
}

/** @returns {Row} */
function comparedRow(
  /** @type {Recorded} */ before,
  /** @type {Recorded} */ after,
  /** @type {readonly Reason[]} */ reasons,
) {
  const { program, engine } = before;
  const equal = commonCount(before.launches, after.launches);
  const launches = Math.max(before.launches.length, after.launches.length);
  const changed = changedNames(before.launches, after.launches);
  const { ulps, largest } = largestDifference(before.numbers, after.numbers);
  const faults = [];
  const used = [];
  const unexplained = new Set(changed);
  let numbersExplained = ulps === 0;
  for (const { of, launch, program: only, engine: its = engine, within = ulps, because } of reasons) {
    if (its !== engine || !(only?.test(program) ?? true)) continue;
    const meant = changed.filter((name) => launch?.test(name) ?? true);
    const found = of === "numbers" ? ulps > 0 && (!launch || meant.length > 0) : meant.length > 0;
    if (!found) {
      if (only) faults.push(`equal, in spite of: ${because}`);
      continue;
    }
    used.push(because);
    if (of === "numbers") numbersExplained ||= ulps <= within;
    else for (const name of meant) unexplained.delete(name);
  }
  for (const name of unexplained) faults.push(`${name} differs, for no named reason`);
  if (!numbersExplained) faults.push(`${largest} differs by ${ulps} ulp, for no named reason`);
  return { program, engine, equal, launches, changed, ulps, largest, reasons: used, faults };
}

/** How many launches two lists have in common, in the same order: their longest common subsequence. */
function commonCount(
  /** @type {readonly RecordedLaunch[]} */ before,
  /** @type {readonly RecordedLaunch[]} */ after,
) {
  let row = new Array(after.length + 1).fill(0);
  for (const { code } of before) {
    const next = [0];
    for (let i = 0; i < after.length; i++)
      next.push(code === after[i].code ? row[i] + 1 : Math.max(row[i + 1], next[i]));
    row = next;
  }
  return row[after.length];
}

/** The names of launches of which one list has more than the other; of all of them, where only their order differs. */
function changedNames(
  /** @type {readonly RecordedLaunch[]} */ before,
  /** @type {readonly RecordedLaunch[]} */ after,
) {
  const left = [...after];
  const alone = before.filter(({ code }) => {
    const at = left.findIndex((other) => other.code === code);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
  const changed = [...alone, ...left].map(({ name }) => name);
  const moved = changed.length === 0 && before.some(({ code }, i) => code !== after[i].code);
  return moved ? before.map(({ name }) => name) : changed;
}

/** The largest difference between numbers of the same name, and what has it. */
function largestDifference(/** @type {Numbers} */ before, /** @type {Numbers} */ after) {
  let found = { ulps: 0, largest: "" };
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [one = [], other = []] = [before[name], after[name]];
    const ulps = one.length === other.length ? distance(one, other) : Number.POSITIVE_INFINITY;
    if (ulps > found.ulps) found = { ulps, largest: name };
  }
  return found;
}

function distance(/** @type {readonly number[]} */ one, /** @type {readonly number[]} */ other) {
  return one.reduce((most, value, i) => Math.max(most, ulpsBetween(value, other[i])), 0);
}

/** Numbers of 64 bits (means over an epoch) that are the same in 32 bits, and zeros of unlike signs, are half a unit apart. */
export function ulpsBetween(/** @type {number} */ a, /** @type {number} */ b) {
  if (Object.is(a, b) && !Number.isNaN(a)) return 0;
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.POSITIVE_INFINITY;
  return Math.abs(placeOf(a) - placeOf(b)) || 0.5;
}

/** The place of a number among all those of 32 bits. */
function placeOf(/** @type {number} */ value) {
  const [bits] = new Int32Array(Float32Array.of(value).buffer);
  return bits < 0 ? -(bits & 0x7fffffff) : bits;
}

/** The comparison for people, a line a program. @returns {string} */
export function tableOf(/** @type {readonly Row[]} */ rows) {
  const lines = rows.map(({ program, engine, equal, launches, ulps, largest, reasons, faults }) => {
    const difference = ulps === 0 ? "equal" : `${ulps < 1 ? "< 1" : ulps} ulp (${largest})`;
    const remarks = [...faults.map((fault) => `FAULT: ${fault}`), ...reasons].join("; ");
    return [program, engine, `${equal} / ${launches}`, difference, remarks];
  });
  const table = [["program", "engine", "launches", "numbers", "why"], ...lines];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...table.map((cells) => cells[column].length)));
  return table
    .map((cells) =>
      cells
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** Checks a session's state before it is restored. */
import { inWords } from "../checks.ts";
import type { SessionState } from "./session.ts";

/**
 * @throws TypeError, RangeError or Error naming the part that does not fit a session with this order of samples and
 *   number of steps
 */
export function checkSessionState(state: SessionState, order: SessionState["order"], total: number): void {
  const what = "restore: the state";
  const given = Object(state) as Partial<SessionState>;
  if (typeof given.trainer !== "object" || typeof given.order !== "object" || !Array.isArray(given.history)) {
    throw new TypeError(`${what} is ${inWords(state)}; give the result of a session's snapshot()`);
  }
  const { steps, learningRate, history } = state;
  for (const key of Object.keys({ ...state.order, ...order })) {
    const other = state.order?.[key];
    if (order[key] !== other)
      throw new Error(
        `${what}'s ${key} is ${inWords(other)}, this session's ${inWords(order[key])}; use the same`,
      );
  }
  if (!Number.isSafeInteger(steps) || steps < 0 || steps > total) {
    throw new RangeError(`${what}'s steps are ${inWords(steps)}; expected a whole number from 0 to ${total}`);
  }
  if (!(learningRate >= 0 && learningRate < Number.POSITIVE_INFINITY)) {
    throw new RangeError(
      `${what}'s learningRate is ${inWords(learningRate)}; expected a finite number from 0`,
    );
  }
  checkHistory(`${what}'s history`, history);
}

/** @throws TypeError where `history` is no array of numbers */
export function checkHistory(what: string, history: readonly number[]): void {
  if (!Array.isArray(history)) throw new TypeError(`${what} is ${inWords(history)}; expected an array`);
  const at = history.findIndex((value) => typeof value !== "number");
  if (at >= 0) throw new TypeError(`${what} holds ${inWords(history[at])}; expected numbers`);
}

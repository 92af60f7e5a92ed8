/** The option `signal` of all that can take long: an AbortSignal, whose reason is then the error. */
import { inWords } from "./checks.ts";

/** @throws TypeError where `signal` is given and no AbortSignal */
export function checkSignal(owner: string, signal: AbortSignal | undefined): void {
  if (signal === undefined || typeof signal?.throwIfAborted === "function") return;
  throw new TypeError(
    `${owner}: signal is ${inWords(signal)}; give that of an AbortController: controller.signal`,
  );
}

/**
 * `promise`, or a rejection with the signal's reason once the signal aborts, even if the work behind the promise ignores the signal.
 * No listener stays on the signal.
 * @param free frees what comes after an abort, when nobody gets it
 */
export function unlessAborted<T>(
  signal: AbortSignal | undefined,
  promise: Promise<T>,
  free?: (late: T) => unknown,
): Promise<T> {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const giveUp = () => {
      reject(signal.reason);
      if (free) promise.then(free).catch(() => {});
    };
    if (signal.aborted) giveUp();
    signal.addEventListener("abort", giveUp, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", giveUp));
  });
}

/** Choices that record which names are read: a name that nothing reads is found before any training. */
import type { Choices } from "./space.ts";

/**
 * Wraps `choices` so that `onRead` is called with each name that is read.
 * @throws TypeError, when it is read, for a name that the space does not hold
 */
export function noticing<C extends Choices>(search: string, choices: C, onRead: (name: string) => void): C {
  return new Proxy(choices, {
    get(target, name, receiver) {
      if (typeof name === "symbol" || name === "toJSON") return Reflect.get(target, name, receiver);
      if (!Object.hasOwn(target, name)) {
        throw new TypeError(
          `${search}: the choices are read for "${name}", which the space does not hold; the space holds ${Object.keys(target).join(", ")}`,
        );
      }
      onRead(name);
      return Reflect.get(target, name, receiver);
    },
    set(_target, name) {
      throw new TypeError(`${search}: choices cannot be changed; ${String(name)} was to be set`);
    },
  });
}

/** Choices that notice what is read of them, so that a name that nobody reads is found before anything is trained. */
import type { Choices } from "./space.ts";

/**
 * `choices`, telling `onRead` of each name that is read.
 * @throws TypeError, when it is read, for a name that the space does not hold
 */
export function noticing<C extends Choices>(search: string, choices: C, onRead: (name: string) => void): C {
  return new Proxy(choices, {
    get(target, name, receiver) {
      if (typeof name === "symbol" || name === "toJSON") return Reflect.get(target, name, receiver);
      if (!Object.hasOwn(target, name)) {
        throw new TypeError(
          `${search}: "${name}" is read of the choices, but the space does not hold it; it holds ${Object.keys(target).join(", ")}`,
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

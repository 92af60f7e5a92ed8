/** Frees unreleased memory once the garbage collector has found its owner unreachable. */

const dropped = new FinalizationRegistry<() => void>((free) => free());

/** Calls `free` once `owner` is unreachable. `free` must not reference `owner`, which would then stay reachable. */
export function freeWhenDropped(owner: object, free: () => void): void {
  dropped.register(owner, free, owner);
}

/** Records that `owner` was released: no memory remains to free. */
export function released(owner: object): void {
  dropped.unregister(owner);
}

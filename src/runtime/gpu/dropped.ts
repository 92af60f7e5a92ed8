/** The last resort for what nobody released: it is freed when the garbage collector finds that nobody can use it. */

const dropped = new FinalizationRegistry<() => void>((free) => free());

/** Calls `free` once `owner` is gone. It must not reach `owner`, which would never be. */
export function freeWhenDropped(owner: object, free: () => void): void {
  dropped.register(owner, free, owner);
}

/** `owner` was released: there is nothing left to be freed. */
export function released(owner: object): void {
  dropped.unregister(owner);
}

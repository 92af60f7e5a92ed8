/**
 * Threads of WebAssembly take an isolated page: one whose server sends two headers. Where it does not, a service worker
 * adds them, from the page's next load on.
 */

/** Marks a tab that was loaded again for this: where it is still not isolated then, it never will be. */
const TRIED = "wgrad: loaded again to be isolated";

/** Whether a person has done anything with the page yet. */
let touched = false;
const touch = () => {
  touched = true;
};
for (const name of ["pointerdown", "keydown"]) addEventListener(name, touch, { capture: true, once: true });

/** Whether the page may become isolated. Safe to ask everywhere. */
function canBe(): boolean {
  return !crossOriginIsolated && isSecureContext && "serviceWorker" in navigator;
}

/** Prepares the next load of the page to be isolated, where it is not yet. @returns whether it will be */
export async function prepareIsolation(): Promise<boolean> {
  if (!canBe()) return false;
  try {
    const { serviceWorker } = navigator;
    await serviceWorker.register(new URL("isolation.js", document.baseURI));
    await serviceWorker.ready;
    return true;
  } catch {
    // No service workers in private windows of some browsers, or where a policy forbids them: one thread, then.
    return false;
  }
}

/** Loads the page again, once, if that makes it isolated and the person has not done anything yet. */
export async function isolate(): Promise<void> {
  if (!(await prepareIsolation()) || touched) return;
  try {
    if (sessionStorage.getItem(TRIED) !== null) return;
    sessionStorage.setItem(TRIED, "yes");
  } catch {
    return;
  }
  location.reload();
}

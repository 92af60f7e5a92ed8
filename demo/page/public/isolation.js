// A service worker that isolates the page on servers that cannot send the headers for it: only isolated pages may share
// memory between threads. It adds the headers to the page and to its workers' scripts, and touches nothing else.

/**
 * @typedef {Event & {
 *   readonly request: Request,
 *   respondWith(response: Promise<Response>): void,
 *   waitUntil(done: Promise<unknown>): void,
 * }} WorkerEvent
 */
const worker =
  /** @type {EventTarget & { skipWaiting(): Promise<void>, clients: { claim(): Promise<void> } }} */ (
    /** @type {unknown} */ (globalThis)
  );

/** @param {string} name @param {(event: WorkerEvent) => void} listener */
const on = (name, listener) =>
  worker.addEventListener(name, (event) => listener(/** @type {WorkerEvent} */ (event)));

on("install", () => void worker.skipWaiting());
on("activate", (event) => event.waitUntil(worker.clients.claim()));
on("fetch", (event) => {
  const { request } = event;
  if (request.mode === "navigate" || request.destination === "worker") event.respondWith(isolated(request));
});

/** @param {Request} request */
async function isolated(request) {
  const response = await fetch(request);
  // A redirect, which the browser follows itself.
  if (response.status === 0) return response;
  const headers = new Headers(response.headers);
  headers.set("Cross-Origin-Opener-Policy", "same-origin");
  headers.set("Cross-Origin-Embedder-Policy", "require-corp");
  const { body, status, statusText } = response;
  return new Response(body, { status, statusText, headers });
}

/** Which view is open: named by the address's fragment, so that links and the back button work from any sub-path. */
import { signal } from "@preact/signals";

export const ROUTES = {
  train: "Train",
  draw: "Draw",
  compare: "Compare",
  inside: "Look inside",
  experiments: "Experiments",
} as const;

export type Route = keyof typeof ROUTES;

export const route = signal<Route>(current());

function current(): Route {
  const name = location.hash.replace(/^#\/?/, "").split("/")[0];
  return Object.hasOwn(ROUTES, name) ? (name as Route) : "train";
}

addEventListener("hashchange", () => {
  route.value = current();
});

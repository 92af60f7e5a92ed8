/** The page: a header with the views' names, and the view that is open. Views but the first are loaded when opened. */
import type { ComponentType } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { DeviceBadge } from "./device.tsx";
import { DrawView } from "./draw/view.tsx";
import { ROUTES, type Route, route } from "./routes.ts";
import { TrainView } from "./train/view.tsx";
import { Notice } from "./widgets/notice.tsx";

const LATER: Partial<Record<Route, () => Promise<ComponentType>>> = {
  compare: async () => (await import("./compare/view.tsx")).CompareView,
  inside: async () => (await import("./inside/view.tsx")).InsideView,
  experiments: async () => (await import("./experiments/view.tsx")).ExperimentsView,
};

export function App() {
  const open = route.value;
  const heading = useRef<HTMLHeadingElement>(null);
  const first = useRef(true);
  useEffect(() => {
    document.title = `${ROUTES[open]} · wgrad`;
    // Whoever follows a link of the header is read the new view's name next, and continues from there.
    if (!first.current) heading.current?.focus();
    first.current = false;
  }, [open]);
  return (
    <>
      {/* biome-ignore lint/a11y/useValidAnchor: it leads to a place on this page; see skip() */}
      <a class="skip" href="#main" onClick={skip}>
        Skip to the content
      </a>
      <header class="top">
        <a class="brand" href="#/train" aria-label="wgrad, to the start">
          <img src={new URL("./icon.svg", import.meta.url).href} alt="" width="24" height="24" />
          wgrad
        </a>
        <nav aria-label="Views">
          {(Object.keys(ROUTES) as Route[]).map((name) => (
            <a key={name} href={`#/${name}`} aria-current={name === open ? "page" : undefined}>
              {ROUTES[name]}
            </a>
          ))}
        </nav>
        <DeviceBadge />
      </header>
      <main id="main" tabIndex={-1}>
        <h1 class="visually-hidden" ref={heading} tabIndex={-1}>
          {ROUTES[open]}
        </h1>
        <View name={open} />
      </main>
      <footer class="bottom">This tab computes everything: no server sees your data or your drawings.</footer>
    </>
  );
}

/** An anchor to #main would change the route. */
function skip(event: Event) {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

function View({ name }: { readonly name: Route }) {
  if (name === "train") return <TrainView />;
  if (name === "draw") return <DrawView />;
  return <LaterView key={name} name={name} />;
}

function LaterView({ name }: { readonly name: Route }) {
  const [View, setView] = useState<ComponentType>();
  const [failure, setFailure] = useState<string>();
  useEffect(() => {
    LATER[name]?.().then(
      (found) => setView(() => found),
      (error: Error) => setFailure(error.message),
    );
  }, [name]);
  if (failure) {
    return (
      <Notice kind="bad">
        This view could not be loaded ({failure}). Are you online? Reload the page to try again.
      </Notice>
    );
  }
  return View ? <View /> : <p class="muted">Loading…</p>;
}

/** A computation that a person starts, pauses, takes step by step and begins anew. */
import type { Remote } from "comlink";
import { useEffect, useRef, useState } from "preact/hooks";
import { type Opened, openService } from "../services.ts";
import type { ExperimentsService } from "./service.ts";

interface LiveOptions<State> {
  /** The settings as text; a change starts the computation anew. */
  readonly key: string;
  /** Asked for the state before the first step. */
  readonly open: () => Promise<State>;
  /** `single`: the person took this step by hand, and wants the smallest there is. */
  readonly advance: (state: State, single: boolean) => Promise<State>;
  readonly over: (state: State) => boolean;
  /** Milliseconds to wait between two advances, at least (default 0: until the page is next drawn). */
  readonly rest?: number;
  /** Whether it starts by itself where `key` has changed, even if it was not running. */
  readonly eager?: boolean;
}

export interface Live<State> {
  /** Undefined until it is opened. */
  readonly state: State | undefined;
  readonly phase: "opening" | "paused" | "running" | "over";
  readonly failure: string | undefined;
  /** Goes on; from the end, begins anew. */
  start(): void;
  pause(): void;
  /** Advances once. */
  step(): void;
  /** Begins anew, and waits to be started. */
  reset(): void;
}

export function useLive<State>(options: LiveOptions<State>): Live<State> {
  const { key, over, eager = false } = options;
  const latest = useRef(options);
  latest.current = options;
  const [state, setState] = useState<State>();
  const [running, setRunning] = useState(false);
  const [failure, setFailure] = useState<string>();
  const [round, setRound] = useState(0);
  const opened = useRef<State | undefined>(undefined);
  const calls = useRef<Promise<void>>(Promise.resolve());
  const first = useRef(true);

  /** One call at a time, and none for a round that was given up meanwhile. */
  const next = (compute: () => Promise<State | undefined>, given: { up: boolean }): Promise<void> => {
    calls.current = calls.current.then(async () => {
      if (given.up) return;
      try {
        const found = await compute();
        if (found === undefined || given.up) return;
        opened.current = found;
        setState(() => found);
      } catch (error) {
        if (given.up) return;
        setRunning(false);
        setFailure((error as Error).message);
      }
    });
    return calls.current;
  };
  const advance = async (single: boolean) => {
    const at = opened.current;
    return at === undefined || latest.current.over(at) ? undefined : latest.current.advance(at, single);
  };

  const current = useRef({ up: false });
  useEffect(() => {
    const given = { up: false };
    current.current = given;
    setFailure(undefined);
    opened.current = undefined;
    void next(() => latest.current.open(), given);
    if (!first.current && eager) setRunning(true);
    first.current = false;
    return () => {
      given.up = true;
    };
  }, [key, round]);

  useEffect(() => {
    if (!running) return;
    let live = true;
    (async () => {
      while (live) {
        await next(() => advance(false), current.current);
        if (opened.current !== undefined && latest.current.over(opened.current)) setRunning(false);
        await pause(latest.current.rest ?? 0);
      }
    })();
    return () => {
      live = false;
    };
  }, [running, key, round]);

  const ended = state !== undefined && over(state);
  const anew = (runs: boolean) => {
    setRunning(runs);
    setRound(round + 1);
  };
  return {
    state,
    failure,
    phase: phaseOf(state === undefined && failure === undefined, running, ended),
    start: () => (ended || failure !== undefined ? anew(true) : setRunning(true)),
    pause: () => setRunning(false),
    step: () => void next(() => advance(true), current.current),
    reset: () => anew(false),
  };
}

function phaseOf(opening: boolean, running: boolean, ended: boolean): Live<unknown>["phase"] {
  if (opening) return "opening";
  if (running) return "running";
  return ended ? "over" : "paused";
}

/** Until the page was drawn, and at least so long. */
function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(() => requestAnimationFrame(() => resolve()), milliseconds);
  });
}

/** Whether the person has asked their system for less motion. */
export function prefersStillness(): boolean {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

/** A story's computing side: in a worker that is started when first asked for, and ended when the view goes away. */
export function useStory<Story>(
  open: (service: Remote<ExperimentsService>) => Promise<Story>,
): () => Promise<Story> {
  const worker = useRef<Promise<Opened<ExperimentsService>> | undefined>(undefined);
  const story = useRef<Promise<Story> | undefined>(undefined);
  useEffect(
    () => () => {
      worker.current?.then(({ close }) => close()).catch(() => {});
    },
    [],
  );
  return () => {
    story.current ??= (async () => {
      try {
        worker.current = openService("experiments");
        return await open((await worker.current).service);
      } catch (error) {
        // Whoever asks again tries again.
        story.current = undefined;
        throw error;
      }
    })();
    return story.current;
  };
}

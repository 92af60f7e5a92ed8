/** Every public function and method has a docstring, and says which errors it throws, and when. */
import { describe, expect, it } from "vitest";
import { publicFunctions } from "./helpers/public-functions.ts";

/** Functions that take arguments and refuse none of them, and why. */
const REFUSE_NOTHING: Readonly<Record<string, string>> = {
  "Layer.apply": "written by users; refuses what the layer says",
  "Optimizer.update": "written by users",
  "OptimizerRule.update": "written by users",
  "RawRows.dataset": "written by users",
  "ArenaLayout.initialise": "runs initializers, each checked on its own",
  "Callback.onStart": "written by users",
  "Callback.onEpoch": "written by users",
  "Callback.onEnd": "written by users",
  "Callback.onError": "written by users",
  "Callback.onProgress": "written by users",
  "Callback.state": "written by users",
  "RecordStore.append": "written by users",
  "Stream.open": "written by users",
  "Sequential.withLayers": "takes layers of another model",
  "Scope.child": "takes any name",
  "Scope.trains": "takes any name",
  "Permutation.at": "takes any index, and gives a meaningless one outside the range",
  "Distribution.at": "takes any fraction",
  "Draw.uniforms": "called by the library",
  "Draw.between": "called by the library",
  "BatchSource.batch": "called by the library",
  "BatchSource.read": "called by the library",
  "ArenaLayout.perBlock": "takes any function",
  "Objective.hessianTimes": "takes a direction that `position` fits",
};

const ERROR = /\b(?:[A-Z]\w*)?Error\b|\bthe signal's reason\b|^@throws as \{@link /;

const all = publicFunctions();
const named = (found: typeof all) => found.map(({ name, at }) => `${name} (${at})`);

describe("docstrings of public functions", () => {
  it("are there", () => {
    expect(all.length).toBeGreaterThan(300);
    expect(named(all.filter(({ docstring }) => docstring === ""))).toEqual([]);
  });

  it("name the error that a function throws, and when", () => {
    const silent = all.filter(
      ({ name, parameters, docstring }) =>
        parameters > 0 && !REFUSE_NOTHING[name] && throwsOf(docstring).length === 0,
    );
    expect(named(silent)).toEqual([]);
    const vague = all.filter(({ docstring }) => throwsOf(docstring).some((tag) => !ERROR.test(tag)));
    expect(named(vague)).toEqual([]);
  });

  it("exempt only what is there", () => {
    const refusing = all.filter(({ docstring }) => throwsOf(docstring).length > 0).map(({ name }) => name);
    const names = new Set(all.map(({ name }) => name));
    expect(Object.keys(REFUSE_NOTHING).filter((name) => !names.has(name) || refusing.includes(name))).toEqual(
      [],
    );
  });
});

/** The `@throws` tags that stand at the beginning of a line, where editors read them. */
function throwsOf(docstring: string): string[] {
  return docstring.match(/^@throws .+(?:\n(?!@).+)*/gm) ?? [];
}

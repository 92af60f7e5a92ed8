/** Passes on shaders with unrolled loops over lanes: every `subgroupShuffle(value, 3u)` names its lane by a number. */
import { attribute, type Module, type Tokens, tokenize } from "../read.ts";

/** WGSL's broadcast needs a lane's number as a constant expression, and is faster than a shuffle. */
export function withBroadcasts(module: Module): Module {
  return withShuffles(module, (value, lane) => ["subgroupBroadcast", "(", value, ",", lane, ")"]);
}

/** The shader for invocations that share nothing: each is its own only lane. */
export function withoutSubgroups(module: Module): Module {
  const own = tokenize("@builtin(local_invocation_index)");
  return withShuffles(module, (value) => [value])
    .filter((one) => !(one.kind === "enable" && one.tokens.join() === "subgroups"))
    .map((one) => {
      if (one.kind !== "fn") return one;
      const parameters = one.parameters.map((parameter) =>
        attribute(parameter.attributes, "builtin")?.join() === "subgroup_invocation_id"
          ? { ...parameter, attributes: own }
          : parameter,
      );
      return { ...one, parameters };
    });
}

function withShuffles(module: Module, write: (value: string, lane: string) => Tokens): Module {
  return module.map((one) => {
    if (one.kind !== "fn" || !one.body.includes("subgroupShuffle")) return one;
    const body: string[] = [];
    for (let at = 0; at < one.body.length; at++) {
      const [value, comma, lane, end] =
        one.body[at] === "subgroupShuffle" ? one.body.slice(at + 2, at + 6) : [];
      const numbered = comma === "," && /^\d+u$/.test(lane) && end === ")";
      if (!numbered) body.push(one.body[at]);
      else {
        body.push(...write(value, lane));
        at += 5;
      }
    }
    return { ...one, body };
  });
}

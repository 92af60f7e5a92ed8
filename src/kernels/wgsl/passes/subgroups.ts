/** Passes on shaders whose invocations exchange values within subgroups. */
import { libraries, shaderText } from "../../shaders.ts";
import {
  attribute,
  type Declaration,
  type Module,
  type Parameter,
  readModule,
  type Tokens,
  tokenize,
} from "../read.ts";

let subgroupLanes: Module | undefined;

/**
 * The module with lanes (shaders/lanes.wgsl) that exchange values within full subgroups of that size: the functions of
 * shaders/subgroupLanes.wgsl take the place of its own. The entry point numbers its invocations by their subgroups.
 */
export function withSubgroupLanes(module: Module, entryPoint: string, size: number): Module {
  subgroupLanes ??= readModule(shaderText(libraries.subgroupLanes));
  const names = new Set(subgroupLanes.flatMap((one) => ("name" in one ? [one.name] : [])));
  const own = module.filter((one) => !("name" in one && names.has(one.name)));
  const enabled = readModule("enable subgroup_size_control;");
  return [...enabled, ...subgroupLanes, ...own].map((one): Declaration => {
    if (one.kind !== "fn" || one.name !== entryPoint) return one;
    const [numbered, index] = numberedBySubgroups(one.parameters, size);
    const attributes = [...one.attributes, ...tokenize(`@subgroup_size(${size})`)];
    return { ...one, attributes, parameters: numbered, body: [...index, ...one.body] };
  });
}

/** The parameters without the local index, and a statement that computes it. */
function numberedBySubgroups(parameters: readonly Parameter[], size: number): [Parameter[], Tokens] {
  const isIndex = ({ attributes }: Parameter) =>
    attribute(attributes, "builtin")?.join() === "local_invocation_index";
  const index = parameters.find(isIndex);
  // Other positions in the workgroup would not agree with the subgroups'.
  const others = parameters
    .map(({ attributes }) => attribute(attributes, "builtin")?.join() ?? "")
    .filter((name) => /^(?:local|global)_invocation_id$/.test(name));
  if (!index || others.length > 0) {
    throw new Error(
      `lanes of subgroups have local_invocation_index, and no ${others.join() || "other position"}`,
    );
  }
  const builtin = (name: string) => ({ attributes: tokenize(`@builtin(${name})`), name, type: ["u32"] });
  return [
    [
      ...parameters.filter((parameter) => !isIndex(parameter)),
      builtin("subgroup_id"),
      builtin("subgroup_invocation_id"),
    ],
    tokenize(`let ${index.name} = subgroup_id * ${size}u + subgroup_invocation_id;`),
  ];
}

// Below: shaders with unrolled loops over lanes, where every `subgroupShuffle(value, 3u)` names its lane by a number.

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

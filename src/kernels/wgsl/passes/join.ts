import {
  attribute,
  type Declaration,
  type Directive,
  functionNamed,
  type Module,
  type Parameter,
  readModule,
  type Tokens,
  type Value,
} from "../read.ts";
import { isPlaceholder } from "./library.ts";
import type { Numbers } from "./numbers.ts";

/** A dispatch's shader as one part of a launch. */
export interface Part {
  readonly module: Module;
  readonly entryPoint: string;
  /** Number of workgroups on its own. */
  readonly grid: readonly [number, number, number];
  /** The launch's variables, by this part's names of bindings. */
  readonly variables: ReadonlyMap<string, string>;
}

/** The shared properties of a launch's parts. */
export interface JoinedLaunch {
  /** Invocations of a workgroup. */
  readonly workgroup: readonly [number, number];
  /** Workgroups of the launch, numbered row by row. */
  readonly grid: readonly [number, number, number];
  /** Collects the parts' workgroups as numbers that are read at run time; without it, they are constants. */
  readonly numbers?: Numbers;
  /** Declarations of bindings, as text. */
  readonly memory: readonly string[];
}

/**
 * Concatenates the parts' shaders, with names marked by part number, and adds an entry point `launch` that gives each
 * part its own workgroups. Parts run in different workgroups, so that arrays in workgroup memory are shared.
 */
export function joined(parts: readonly Part[], launch: JoinedLaunch): Module {
  const shared = sharedArrays(parts);
  const all = parts.flatMap(({ module, variables }, part) =>
    marked(module, part, new Map([...variables, ...shared.names[part]])),
  );
  const directives = new Map(
    all.flatMap((one) => (isDirective(one) ? [[`${one.kind} ${one.tokens.join(" ")}`, one]] : [])),
  );
  return [
    ...directives.values(),
    ...readModule([...launch.memory, ...shared.declarations].join("\n")),
    ...all.filter((one) => !isDirective(one)),
    ...readModule(entrySource(parts, launch)),
  ];
}

function isDirective(one: Declaration): one is Directive {
  return "tokens" in one;
}

/** Arrays in workgroup memory that take the place of the parts' own: the largest of each element type. */
function sharedArrays(parts: readonly Part[]) {
  const sizes = new Map<string, { readonly element: string; size: string }>();
  const names = parts.map(({ module }, part) => {
    const own = new Map<string, string>();
    for (const one of module) {
      const array = one.kind === "var" && one.space.join() === "workgroup" ? arrayOf(one.type) : undefined;
      if (!array || one.kind !== "var") continue;
      const element = array.element.join("").replaceAll("⟨", "<").replaceAll("⟩", ">");
      const before = [...own.values()].filter((name) => sizes.get(name)?.element === element).length;
      const name = `${element.replace(/\W/g, "")}Array${before}`;
      const size = array.size
        .map((token) => (isDeclared(token, module) ? `${token}_${part}` : token))
        .join(" ");
      const known = sizes.get(name);
      sizes.set(name, { element, size: known ? `max(${known.size}, ${size})` : size });
      own.set(one.name, name);
    }
    return own;
  });
  const declarations = [...sizes].map(
    ([name, { element, size }]) => `var<workgroup> ${name}: array<${element}, ${size}>;`,
  );
  return { names, declarations };
}

/** Element type and size of a type `array<element, size>`. */
function arrayOf(type: Tokens): { element: Tokens; size: Tokens } | undefined {
  if (type[0] !== "array") return undefined;
  let depth = 0;
  const comma = type.findIndex((token) => {
    if (/^[⟨(]$/.test(token)) depth++;
    if (/^[⟩)]$/.test(token)) depth--;
    return token === "," && depth === 1;
  });
  return comma < 0 ? undefined : { element: type.slice(2, comma), size: type.slice(comma + 1, -1) };
}

function isDeclared(token: string, module: Module): boolean {
  return module.some((one) => "name" in one && one.name === token);
}

/** One part without its bindings, shared arrays and entry point, with marked names. */
function marked(module: Module, part: number, variables: ReadonlyMap<string, string>): Module {
  const isReplaced = (one: Value) =>
    variables.has(one.name) || attribute(one.attributes, "group") !== undefined;
  const own = module.filter((one) => !(one.kind === "var" && isReplaced(one)) && !isPlaceholder(one));
  const names = new Map(own.flatMap((one) => ("name" in one ? [[one.name, `${one.name}_${part}`]] : [])));
  for (const [name, variable] of variables) names.set(name, variable);
  const renamed = (tokens: Tokens) => tokens.map((token) => names.get(token) ?? token);
  const plain = ({ name, type }: Parameter): Parameter => ({
    attributes: [],
    name: names.get(name) ?? name,
    type: renamed(type),
  });
  return own.map((one): Declaration => {
    switch (one.kind) {
      case "fn":
        return {
          ...one,
          attributes: [],
          name: `${one.name}_${part}`,
          parameters: one.parameters.map(plain),
          returns: renamed(one.returns),
          body: renamed(one.body),
        };
      case "struct":
        return { ...one, name: `${one.name}_${part}`, members: one.members.map(plain) };
      case "const":
      case "override":
      case "alias":
      case "var":
        return { ...one, name: `${one.name}_${part}`, type: renamed(one.type), value: renamed(one.value) };
      default:
        return one;
    }
  });
}

function entrySource(
  parts: readonly Part[],
  { workgroup: [x, y], grid: [groupsX, groupsY], numbers: given }: JoinedLaunch,
): string {
  const numbers = groupsX * groupsY <= MOST_DIVIDED ? given : undefined;
  const number = (name: string, value: number) => numbers?.read(name, "u32", value) ?? `${value}u`;
  const taken = new Map([
    ["workgroup_id", "vec3<u32>"],
    ["local_invocation_id", "vec3<u32>"],
  ]);
  let first = 0;
  const branches = parts.map(({ module, entryPoint, grid: [columns, rows, layers] }, part) => {
    const start = first;
    first += columns * rows * layers;
    const args = builtinsOf(module, entryPoint).map(({ builtin, type }) => {
      if (builtin === "global_invocation_id")
        return `workgroup * vec3<u32>(${x}u, ${y}u, 1u) + local_invocation_id`;
      if (builtin === "workgroup_id") return "workgroup";
      taken.set(builtin, type);
      return builtin;
    });
    // Workgroups after the last part exist only where the row was folded.
    const last = part === parts.length - 1 && groupsY === 1;
    const condition = last ? "" : ` if (number < ${number(`end_${part}`, first)})`;
    const workgroup = numbers
      ? dividedByFactors(part, [columns, rows], numbers)
      : `let workgroup = vec3<u32>(at % ${columns}u, at / ${columns}u % ${rows}u, at / ${columns * rows}u);`;
    return `${condition} {
      let at = number - ${part === 0 ? "0u" : number(`end_${part - 1}`, start)};
      ${workgroup}
      ${entryPoint}_${part}(${args.join(", ")});
    }`;
  });
  const parameters = [...taken].map(([builtin, type]) => `@builtin(${builtin}) ${builtin}: ${type}`);
  return `@compute @workgroup_size(${x}, ${y}) ${subgroupSizeOf(parts)}
    fn launch(${parameters.join(", ")}) {
      let number = ${groupsY === 1 ? "" : `workgroup_id.y * ${number("width", groupsX)} + `}workgroup_id.x;
      ${branches.join(" else")}
    }`;
}

/** The size of subgroups that parts ask for, as an attribute. */
function subgroupSizeOf(parts: readonly Part[]): string {
  const sizes = parts.map(({ module, entryPoint }) =>
    attribute(functionNamed(module, entryPoint)?.attributes ?? [], "subgroup_size"),
  );
  const size = sizes.find((tokens) => tokens !== undefined);
  return size ? `@subgroup_size(${size.join("")})` : "";
}

/** Up to this many workgroups, {@link dividedByFactors} is exact. */
const MOST_DIVIDED = 2 ** 20;

/**
 * The workgroup with number `at` of a part, by numbers that are read at run time. Products with 1 / columns take the place
 * of divisions by columns: some compilers compute these anew in each lane, and all that depends on them. (at + ½) / columns
 * is at least 1 / (2 columns) away from a whole number, and its relative error below 2^-22.
 */
function dividedByFactors(part: number, [columns, rows]: readonly number[], numbers: Numbers): string {
  const quotient = (name: string, divisor: number) =>
    `u32((f32(at) + 0.5) * ${numbers.read(`${name}_${part}`, "f32", 1 / divisor)})`;
  const [width, height] = [["columns", columns] as const, ["rows", rows] as const].map(([name, count]) =>
    numbers.read(`${name}_${part}`, "u32", count),
  );
  return `let row = ${quotient("perColumn", columns)};
      let layer = ${quotient("perLayer", columns * rows)};
      let workgroup = vec3<u32>(at - row * ${width}, row - layer * ${height}, layer);`;
}

/** The builtin values of an entry point, in order. */
function builtinsOf(module: Module, entryPoint: string): { builtin: string; type: string }[] {
  const parameters = functionNamed(module, entryPoint)?.parameters ?? [];
  return parameters.map(({ attributes, type }) => ({
    builtin: attribute(attributes, "builtin")?.join("") ?? "",
    type: type.join("").replaceAll("⟨", "<").replaceAll("⟩", ">"),
  }));
}

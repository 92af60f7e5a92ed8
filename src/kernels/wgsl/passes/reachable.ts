import { tokensOf } from "../print.ts";
import type { Declaration, Module } from "../read.ts";

/** The module without unreachable declarations: other entry points of its file, and their dependencies. */
export function reachable(module: Module, entryPoint: string): Module {
  const named = new Map<string, Declaration>();
  for (const one of module) if ("name" in one) named.set(one.name, one);
  const wanted = new Set([entryPoint]);
  for (const name of wanted) {
    const one = named.get(name);
    if (!one) throw new Error(`the shader has no ${name}`);
    const own = new Set(one.kind === "fn" ? one.parameters.map((parameter) => parameter.name) : []);
    for (const token of tokensOf(one)) if (named.has(token) && !own.has(token)) wanted.add(token);
  }
  return module.filter((one) => !("name" in one) || wanted.has(one.name));
}

import { functionNamed, type Module, tokenize } from "../read.ts";

/** The module with new bodies of functions, by name. */
export function withBodies(module: Module, bodies: Readonly<Record<string, string>>): Module {
  for (const name of Object.keys(bodies))
    if (!functionNamed(module, name)) throw new Error(`the shader has no function ${name}`);
  return module.map((one) =>
    one.kind === "fn" && one.name in bodies ? { ...one, body: tokenize(bodies[one.name]) } : one,
  );
}

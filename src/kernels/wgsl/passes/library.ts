/**
 * The functions of shaders/scalar.wgsl and shaders/random.wgsl, for hooks and kernels. A kernel's shader declares those
 * it calls with plain bodies, to be valid as it stands; this pass replaces them by the library's.
 */
import { libraries, shaderText } from "../../shaders.ts";
import { type Declaration, type FunctionDeclaration, type Module, readModule } from "../read.ts";

let read: ReadonlyMap<string, FunctionDeclaration> | undefined;

function library(): ReadonlyMap<string, FunctionDeclaration> {
  read ??= new Map(
    [libraries.scalar, libraries.random]
      .flatMap((shader) => readModule(shaderText(shader)))
      .flatMap((one) => (one.kind === "fn" ? [[one.name, one] as const] : [])),
  );
  return read;
}

/** Whether the declaration is a placeholder for a function of the library. */
export function isPlaceholder(one: Declaration): boolean {
  return one.kind === "fn" && library().has(one.name);
}

/** The module with the library's functions that it calls, directly or indirectly. */
export function withLibrary(module: Module): Module {
  const own = module.filter((one) => !isPlaceholder(one));
  const called = new Set<FunctionDeclaration>();
  const visit = (one: Declaration) => {
    if (one.kind !== "fn") return;
    one.body.forEach((token, i) => {
      const found = one.body[i + 1] === "(" ? library().get(token) : undefined;
      if (found) called.add(found);
    });
  };
  own.forEach(visit);
  for (const one of called) visit(one);
  return [...own, ...called];
}

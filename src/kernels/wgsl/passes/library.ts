/**
 * The functions of shaders/scalar.wgsl and shaders/random.wgsl, which hooks and kernels may call. A kernel's shader writes those
 * that it calls down with plain bodies, in order to be valid as it stands; the library's take their place.
 */
import randomShader from "../../../../shaders/random.wgsl?raw";
import scalarShader from "../../../../shaders/scalar.wgsl?raw";
import { type Declaration, type FunctionDeclaration, type Module, readModule } from "../read.ts";

let read: ReadonlyMap<string, FunctionDeclaration> | undefined;

function library(): ReadonlyMap<string, FunctionDeclaration> {
  read ??= new Map(
    [scalarShader, randomShader]
      .flatMap(readModule)
      .flatMap((one) => (one.kind === "fn" ? [[one.name, one] as const] : [])),
  );
  return read;
}

/** Whether the declaration is a function in whose place the library's belongs. */
export function isPlaceholder(one: Declaration): boolean {
  return one.kind === "fn" && library().has(one.name);
}

/** The module with the library's functions that it calls, and those that these call. */
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

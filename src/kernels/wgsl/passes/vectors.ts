import type { Hook } from "../../../program.ts";
import type { VectorAccess } from "../../kernel.ts";
import type { Module } from "../read.ts";
import { withBodies } from "./bodies.ts";
import { expression, type HookMemory, type HookScope, placeIn } from "./hooks.ts";

/** The module with the binding as an array of vectors. */
export function withVectors(module: Module, binding: string, { element, vector }: VectorAccess): Module {
  let found = false;
  const changed = module.map((one) => {
    if (one.kind !== "var" || one.name !== binding || one.type.join(" ") !== "array ⟨ f32 ⟩") return one;
    found = true;
    return { ...one, type: ["array", "⟨", "vec4", "⟨", "f32", "⟩", "⟩"] };
  });
  if (!found) throw new Error(`the shader reads no ${binding} as array<f32>`);
  return withBodies(changed, {
    [element]: `return ${binding}[index / 4u][index % 4u];`,
    [vector]: `return ${binding}[vector];`,
  });
}

/** The module with a function for four elements at once, where its hook reads only one packed byte for each. */
export function withByteVectors(
  module: Module,
  { vector }: VectorAccess,
  hook: Hook,
  scope: HookScope,
): Module {
  return readsBytesInPlace(hook, scope) ? withBodies(module, { [vector]: bytesBody(hook, scope) }) : module;
}

/** Whether a load hook reads only one packed byte at its own index, so that four of them are one word. */
function readsBytesInPlace({ code }: Hook, { memoryOf }: HookScope): boolean {
  return code.every((instruction) => {
    if (instruction.op === "load")
      return code[instruction.at].op === "index" && isWordOfBytes(memoryOf(instruction.binding));
    return instruction.op !== "random" && instruction.op !== "position";
  });
}

function isWordOfBytes({ dtype, offset }: HookMemory): boolean {
  return dtype === "u8" && offset % 4 === 0;
}

/** The hook for four elements: reads one word, then computes each byte. */
function bytesBody({ code, result }: Hook, scope: HookScope): string {
  const lines = code.map((instruction, i) => {
    switch (instruction.op) {
      case "load": {
        const { binding } = instruction;
        const isFirst = scope.memoryOf(binding).offset === 0;
        const word = isFirst ? "vector" : `${placeIn(binding, "(vector * 4u)", scope)} >> 2u`;
        return `let v${i} = vec4<f32>(unpack4xU8(${binding}[${word}]));`;
      }
      case "call": {
        const lane = (component: string) =>
          `${instruction.fn}(${instruction.args.map((arg) => `v${arg}.${component}`).join(", ")})`;
        return `let v${i} = vec4<f32>(${["x", "y", "z", "w"].map(lane).join(", ")});`;
      }
      case "constant":
      case "scalar":
        return `let v${i} = vec4<f32>(${expression(instruction, scope)});`;
      case "index":
        return `let v${i} = vector * 4u;`;
      default:
        // A position: shared by all four, or unused.
        return `let v${i} = ${expression(instruction, scope)};`;
    }
  });
  return `${lines.join("\n")}\nreturn v${result};`;
}

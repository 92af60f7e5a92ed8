/** Builds a module over one imported memory. */
import { type Code, flatten, list, sized, text, unsigned } from "./encode.ts";
import { FunctionBuilder, type FunctionRef, type GlobalRef, typeByte } from "./function.ts";
import { i32, type ValueType } from "./instructions.ts";

const HEADER = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const SECTIONS = { type: 1, import: 2, function: 3, global: 6, export: 7, code: 10 } as const;

/** Most pages of a memory: 4 GiB. */
export const MAX_PAGES = 65_536;

export class ModuleBuilder {
  readonly #types: Code[] = [];
  readonly #typeOf = new Map<string, number>();
  readonly #functions: { readonly type: number; code: Code }[] = [];
  readonly #exports: Code[] = [];
  #globals = 0;

  /** @param shared whether the memory, imported as `memory` of the module "wgrad", is shared by threads */
  constructor(readonly shared: boolean) {}

  /**
   * Adds a function, whose body `build` writes.
   * @param name under which the module exports it, if so
   */
  function(
    parameters: readonly ValueType[],
    results: readonly ValueType[],
    build: (f: FunctionBuilder) => void,
    name?: string,
  ): FunctionRef {
    const made = { type: this.#type(parameters, results), code: [] as Code };
    const index = this.#functions.push(made) - 1;
    const f = new FunctionBuilder(parameters);
    build(f);
    made.code = f.encode();
    if (name !== undefined) this.#exports.push([text(name), 0, unsigned(index)]);
    return { index };
  }

  /** An i32 of each instance's own, 0 at first. */
  global(): GlobalRef {
    const index = this.#globals++;
    return { type: "i32", index, code: [0x23, unsigned(index)] };
  }

  #type(parameters: readonly ValueType[], results: readonly ValueType[]): number {
    const key = `${parameters} → ${results}`;
    let type = this.#typeOf.get(key);
    if (type === undefined) {
      const bytes = (types: readonly ValueType[]) => list(types.map((one) => [typeByte(one)]));
      type = this.#types.push([0x60, bytes(parameters), bytes(results)]) - 1;
      this.#typeOf.set(key, type);
    }
    return type;
  }

  /** The module in WebAssembly's binary format; the same calls give the same bytes. */
  encode(): Uint8Array<ArrayBuffer> {
    const from = text("wgrad");
    const memory = [from, text("memory"), 2, this.shared ? 3 : 1, unsigned(1), unsigned(MAX_PAGES)];
    const globals = Array.from({ length: this.#globals }, () => [
      typeByte("i32"),
      1,
      i32.const(0).code,
      0x0b,
    ]);
    const section = (name: keyof typeof SECTIONS, items: readonly Code[]): Code =>
      items.length > 0 ? [SECTIONS[name], sized(list(items))] : [];
    return flatten([
      HEADER,
      section("type", this.#types),
      section("import", [memory]),
      section(
        "function",
        this.#functions.map(({ type }) => unsigned(type)),
      ),
      section("global", globals),
      section("export", this.#exports),
      section(
        "code",
        this.#functions.map(({ code }) => code),
      ),
    ]);
  }
}

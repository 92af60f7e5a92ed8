/**
 * From a graph to calls of kernels.
 *
 * Kernel ops become dispatches in the graph's order. Elementwise ops become part of the hooks around them: they
 * are computed where their input is produced (an epilogue) or where their value is consumed (a prologue), and get
 * a dispatch of their own only where neither is possible. Values that nobody reads from memory are never stored.
 */
import { type BufferSpec, type Dispatch, elementCount, type View } from "../../../program.ts";
import { isSource, type SourceAttributes } from "../ops/source.ts";
import { elementwiseCall } from "../ops/stored.ts";
import type { KernelCall, Tensor } from "../tensor.ts";
import { topological } from "../tensor.ts";
import { type Analysis, analyse, owner } from "./analysis.ts";
import type { ProgramBuilder } from "./builder.ts";
import { Call, computationOf, type StoreHook } from "./calls.ts";
import { HookEmitter, Unavailable } from "./emitter.ts";
import { joinDispatches } from "./join.ts";

/** A place in memory that outlives the step. */
export interface Place {
  readonly buffer: BufferSpec;
  readonly offset: number;
}

/** Reads of a hook, until the hook is known to stay. */
interface Attempt {
  readonly call: Call;
  readonly demanded: Set<Tensor>;
  readonly scalars: { readonly name: string; readonly dtype: "f32" | "u32" }[];
}

/** Calls of kernels for all that a graph's roots are made of. */
export class Lowering {
  readonly #calls: Call[] = [];
  /** Calls of kernel ops by {@link computationOf}. */
  readonly #computations = new Map<string, Call[]>();
  /** The call that computes a tensor with, or possibly with, memory. */
  readonly #producers = new Map<Tensor, { call: Call; hook: string }>();
  /** Tensors that a dispatch reads from memory. */
  readonly #demanded = new Set<Tensor>();
  readonly #views: Map<Tensor, View>;
  readonly #analysis: Analysis;
  readonly #order: readonly Tensor[];

  /**
   * @param targets roots, and where they go
   * @param place where a parameter or a running statistic lies
   * @param around results of kernels that something else reads, too, and memory of sources that the step has computed
   */
  constructor(
    readonly builder: ProgramBuilder,
    readonly targets: ReadonlyMap<Tensor, View>,
    readonly place: (source: SourceAttributes) => Place,
    around: { readonly kernels?: readonly Tensor[]; readonly known?: ReadonlyMap<Tensor, View> } = {},
  ) {
    const { kernels = [], known = new Map<Tensor, View>() } = around;
    this.#views = new Map(known);
    this.#order = topological([...targets.keys(), ...kernels]);
    this.#analysis = analyse(this.#order, new Set(targets.keys()));
    for (const tensor of kernels) this.#demanded.add(tensor);
    const { calls, stored, hosted } = this.#analysis;
    for (const node of this.#order) {
      const call = calls.get(node);
      if (call) this.#addKernel(node, call);
      else if (stored.has(node)) this.#materialise(node);
      else if (hosted.has(node)) this.#host(node);
    }
  }

  /** Adds the dispatches to the program. */
  finish(): void {
    const dispatches = this.#calls.map((call) => this.#dispatch(call));
    this.builder.dispatches.push(...joinDispatches({ buffers: this.builder.buffers, dispatches }));
  }

  #addKernel(node: Tensor, source: KernelCall): void {
    const computation = computationOf(source);
    const same = this.#computations.get(computation) ?? [];
    let call = same.find((other) => other.gives(source.store));
    if (!call) {
      call = this.#newCall(node, source);
      this.#computations.set(computation, [...same, call]);
    }
    this.#addResult(node, call, source.store);
  }

  /** Opens the store hook of `node`, the call's own result. */
  #addResult(node: Tensor, call: Call, hook: string): void {
    const emitter = new HookEmitter(this.#context(this.#attempt(call)));
    const register = emitter.value();
    emitter.hold(node, register);
    call.stores.set(hook, { emitter, values: [{ tensor: node, register }] });
    this.#producers.set(node, { call, hook });
  }

  #newCall(node: Tensor, source: KernelCall): Call {
    for (const read of Object.values(source.reads)) this.#demanded.add(owner(read));
    const build = () => {
      const call = new Call(node.label, this.#calls.length, source);
      const attempt = this.#attempt(call);
      for (const [hook, tensor] of Object.entries(source.loads)) {
        const emitter = new HookEmitter(this.#context(attempt));
        const result = emitter.load(tensor, emitter.index());
        call.loads.set(hook, { emitter, result });
      }
      // The result itself needs a binding.
      if (!call.hasRoom()) throw new Unavailable("no binding left for the result");
      this.#keep(attempt);
      return call;
    };
    let call: Call;
    try {
      call = build();
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      // Too many operands for one dispatch: compute the loaded values, or their inputs, beforehand.
      for (const tensor of Object.values(source.loads))
        this.#splitUp(tensor, source.kernel === "elementwise");
      call = build();
    }
    this.#calls.push(call);
    return call;
  }

  /** Gives memory to `tensor`, or with `inputsOnly` to its inputs. */
  #splitUp(tensor: Tensor, inputsOnly: boolean): void {
    if (this.hasMemory(tensor)) return;
    const view = tensor.op.lowering.kind === "view";
    if (inputsOnly || view) for (const input of tensor.inputs) this.#splitUp(input, false);
    else this.#materialise(tensor);
  }

  /** Gives an elementwise value or a view its own memory: in an epilogue where it fits, otherwise by a dispatch. */
  #materialise(node: Tensor): void {
    if (this.hasMemory(node) || this.#host(node)) return;
    const source = elementwiseCall(node);
    this.#addResult(node, this.#newCall(node, source), source.store);
  }

  /**
   * Computes `node` in the epilogue of the last call it depends on.
   * @returns whether that was possible
   */
  #host(node: Tensor): boolean {
    const last = this.#lastProducer(node);
    if (!last) return false;
    const { call, hook } = last;
    const store = call.stores.get(hook);
    if (!store) return false;
    const consumed = this.#consumedBy(node, store);
    if (!call.hasRoom(consumed.length)) return false;
    if (elementCount(store.values[0].tensor.shape) !== elementCount(node.shape)) return false;
    const attempt = this.#attempt(call);
    const operands = call.operands().size;
    const emitter = store.emitter.clone(this.#context(attempt));
    try {
      const register = emitter.load(node, emitter.index());
      // The new operands must leave a binding for the result.
      if (!call.hasRoom(consumed.length)) throw new Unavailable("no binding left for the result");
      emitter.hold(node, register);
      store.emitter = emitter;
      for (const value of consumed) value.consumed = true;
      store.values.push({ tensor: node, register });
      this.#producers.set(node, { call, hook });
      this.#keep(attempt);
      return true;
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      call.truncateOperands(operands);
      return false;
    }
  }

  /** Values of the hook that only `node` needs: they never reach memory. */
  #consumedBy(node: Tensor, { values }: StoreHook): StoreHook["values"] {
    const inputs = new Set(node.inputs.map(owner));
    const isOwn = (tensor: Tensor) => this.#analysis.uses.get(tensor) === 1 && !this.targets.has(tensor);
    return values.filter(({ tensor }) => inputs.has(tensor) && isOwn(tensor) && !this.#demanded.has(tensor));
  }

  /** The latest call, with its hook, among those that compute the inputs of `node`. */
  #lastProducer(node: Tensor): { call: Call; hook: string } | undefined {
    let last: { call: Call; hook: string } | undefined;
    const seen = new Set<Tensor>();
    const visit = (tensor: Tensor) => {
      if (seen.has(tensor)) return;
      seen.add(tensor);
      const producer = this.#producers.get(tensor);
      if (producer) {
        if (!last || producer.call.position > last.call.position) last = producer;
      } else if (!isSource(tensor)) {
        tensor.inputs.forEach(visit);
      }
    };
    node.inputs.forEach(visit);
    return last;
  }

  #attempt(call: Call): Attempt {
    return { call, demanded: new Set(), scalars: [] };
  }

  #keep({ demanded, scalars }: Attempt): void {
    for (const tensor of demanded) this.#demanded.add(tensor);
    for (const { name, dtype } of scalars) this.builder.slot(name, dtype);
  }

  #context({ call, demanded, scalars }: Attempt) {
    return {
      hasMemory: (tensor: Tensor) => this.hasMemory(tensor),
      bind: (tensor: Tensor) => {
        const producer = this.#producers.get(tensor);
        if (producer && producer.call.position >= call.position) return undefined;
        demanded.add(tensor);
        return call.operand(tensor);
      },
      useScalar: (name: string, dtype: "f32" | "u32") => {
        scalars.push({ name, dtype });
      },
    };
  }

  /** Whether the tensor is in memory when the dispatches are done. */
  hasMemory(tensor: Tensor): boolean {
    return isSource(tensor) || this.#producers.has(tensor);
  }

  /** Whether the tensor is stored for certain: other results of a hook are stored only where a dispatch reads them. */
  isStored(tensor: Tensor): boolean {
    return isSource(tensor) || this.#demanded.has(tensor) || this.targets.has(tensor);
  }

  #dispatch(call: Call): Dispatch {
    const { hooks, results } = call.finish((tensor) => this.isStored(tensor));
    const bindings: Record<string, View> = {};
    for (const [name, tensor] of Object.entries(call.source.reads)) {
      bindings[name] = { ...this.view(owner(tensor)), shape: tensor.shape };
    }
    for (const [tensor, name] of call.operands()) bindings[name] = this.view(tensor);
    for (const [name, tensor] of results) bindings[name] = this.view(tensor);
    return { label: call.label, kernel: call.kernel.name, constants: call.constants, hooks, bindings };
  }

  /** Memory of a tensor. */
  view(tensor: Tensor): View {
    const known = this.#views.get(tensor) ?? this.targets.get(tensor);
    if (known) return known;
    const view = this.#makeView(tensor);
    this.#views.set(tensor, view);
    return view;
  }

  #makeView(tensor: Tensor): View {
    const { shape, dtype } = tensor;
    const length = elementCount(shape);
    if (!isSource(tensor)) {
      const name = tensor.label ? `${tensor.label} ${tensor.op.name}` : tensor.op.name;
      return this.builder.view({ name, kind: "temporary", dtype, length }, shape);
    }
    const { role, name, values, owner } = tensor.attributes;
    if (role === "parameter" || role === "statistic") {
      const { buffer, offset } = this.place(tensor.attributes);
      return this.builder.view(buffer, shape, offset);
    }
    return this.builder.view({ name, kind: role, dtype, length, values, ...(owner && { owner }) }, shape);
  }
}

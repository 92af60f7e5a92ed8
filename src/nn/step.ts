/** From functions of traced tensors to programs: of a model's forward pass, or of a whole training step. */
import type { Program, Shape } from "../program.ts";
import { gradients } from "./gradients.ts";
import { lower } from "./lower/lower.ts";
import { applyModel, type Layer } from "./model.ts";
import { constantValue, inputSource } from "./ops/source.ts";
import { arena, type Optimizer, optimizerDispatch } from "./optimizers.ts";
import { ArenaLayout, ParameterTrace, Scope } from "./parameters.ts";
import { Tensor, withLabel } from "./tensor.ts";

/** The model, as a function that a step calls. */
export type ModelCall = (x: Tensor) => Tensor;

/** What a step function returns: tensors by name, to be read by the host; `minimize` is the loss to train on. */
export interface StepOutputs {
  readonly [name: string]: Tensor;
}

/** Parameters that a model declares for inputs of one shape, in the order in which it asks for them. */
export function declaredParameters(model: Layer, inputShape: Shape): ArenaLayout {
  const trace = new ParameterTrace();
  applyModel(model, inputSource("x", [1, ...inputShape]), new Scope(trace, false));
  return new ArenaLayout([...trace.specs.values()]);
}

export interface StepRequest {
  readonly name: string;
  readonly model: Layer;
  readonly layout: ArenaLayout;
  /** Present in a training step: what updates the parameters. */
  readonly optimizer?: Optimizer;
  /** Whether layers behave as in training. */
  readonly training: boolean;
  /** Writes the step. Its sources are made in here. */
  readonly body: (model: ModelCall) => StepOutputs;
}

/**
 * Traces a step, differentiates what it minimises, and lowers all of it.
 * The loss comes out as output `loss`, every other tensor under its own name.
 */
export function buildStep({ name, model, layout, optimizer, training, body }: StepRequest): Program {
  const trace = new ParameterTrace();
  for (const spec of layout.specs) trace.specs.set(spec.name, spec);
  const scope = new Scope(trace, training);
  const { minimize, ...rest } = checkedOutputs(
    withLabel(name, () => body((x) => applyModel(model, x, scope))),
  );
  const added = [...trace.specs.keys()].slice(layout.specs.length);
  if (added.length > 0) {
    throw new Error(
      `${name}: the model declares parameters here that it had not before: ${added.join(", ")}`,
    );
  }
  const place = ({ name: parameter }: { readonly name: string }) => ({
    buffer: arena("parameters", layout),
    offset: layout.offset(parameter),
  });
  if (!minimize) return lower({ name, outputs: rest, place });
  if (!optimizer)
    throw new Error(`${name}: the step returns \`minimize\`, but there is no optimizer to do it with`);
  const outputs = { loss: minimize, ...rest };
  return lower({
    name,
    outputs,
    place,
    assignments: gradientAssignments(minimize, trace, layout),
    after: (builder) => [optimizerDispatch(optimizer, layout, builder)],
  });
}

function checkedOutputs(outputs: StepOutputs): StepOutputs {
  const entries = Object.entries(outputs ?? {});
  if (entries.length === 0)
    throw new TypeError("a step returns an object of tensors; got nothing to compute");
  for (const [name, tensor] of entries) {
    if (!(tensor instanceof Tensor))
      throw new TypeError(`the step's output "${name}" is ${tensor}; return tensors`);
  }
  return outputs;
}

/** Where the gradient of each parameter goes: its place in the gradient arena. */
function gradientAssignments(loss: Tensor, trace: ParameterTrace, layout: ArenaLayout) {
  const names = [...trace.tensors.keys()];
  const found = gradients(loss, [...trace.tensors.values()]);
  return names.flatMap((name, i) =>
    // A parameter without influence keeps its gradient of zero.
    constantValue(found[i]) === 0
      ? []
      : [{ tensor: found[i], place: { buffer: arena("gradients", layout), offset: layout.offset(name) } }],
  );
}

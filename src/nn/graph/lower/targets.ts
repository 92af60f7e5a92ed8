/** Finds the probabilities of a program's losses: for each source of targets, the rule for its elements. */
import { elementCount, type TargetRule, targetError } from "../../../program.ts";
import { isScalarOp } from "../ops/scalar.ts";
import { constantValue, isSource, type SourceAttributes } from "../ops/source.ts";
import { type Tensor, topological } from "../tensor.ts";

/**
 * Rules of the sources of targets, by role and name. Targets computed otherwise than by a scale, such as those of mixed
 * samples, are unknown before the step.
 * @throws Error where constants break a rule
 */
export function targetRules(roots: readonly Tensor[]): Map<string, TargetRule[]> {
  const rules = new Map<string, Map<string, TargetRule>>();
  for (const node of topological(roots)) {
    const taken = node.op.targets?.(node);
    const found = taken && scaledSource(node.inputs[0], taken.row ?? 1);
    if (!taken || !found) continue;
    const { role, name, values } = found.source.attributes;
    const rule = { ...taken, scale: found.scale };
    const wrong = values && targetError(values, [rule]);
    if (wrong) throw new Error(`${node}: targets [${values.join(", ")}]: ${wrong}`);
    const key = `${role} ${name}`;
    // Steps that accumulate read the same targets repeatedly.
    rules.set(key, (rules.get(key) ?? new Map()).set(JSON.stringify(rule), rule));
  }
  return new Map([...rules].map(([key, ofSource]) => [key, [...ofSource.values()]]));
}

/** The source whose elements a tensor holds, in rows of `row`, times constants; undefined for any other tensor. */
function scaledSource(
  tensor: Tensor,
  row: number,
): { source: Tensor<SourceAttributes>; scale: number } | undefined {
  let [node, scale] = [tensor, 1];
  while (!isSource(node)) {
    const [input, other] = node.inputs;
    const { lowering, name } = node.op;
    if (isScalarOp(node) && name === "mul") {
      const factors = [input, other].map(constantValue);
      const factor = factors[0] ?? factors[1];
      if (factor === undefined) return undefined;
      scale *= factor;
      node = factors[0] === undefined ? input : other;
    } else if (name === "gather" && (elementCount(node.shape) / elementCount(other.shape)) % row === 0)
      node = input;
    else if (lowering.kind === "view" && lowering.contiguous) node = input;
    else return undefined;
  }
  return { source: node, scale };
}

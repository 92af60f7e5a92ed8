/** What a program's losses take for probabilities: for each source of targets, what these may be. */
import { elementCount, type TargetRule, targetError } from "../../../program.ts";
import { isScalarOp } from "../ops/scalar.ts";
import { constantValue, isSource, type SourceAttributes } from "../ops/source.ts";
import { type Tensor, topological } from "../tensor.ts";

/**
 * For the sources of targets, by role and name: what their elements must be. Targets that are computed otherwise than by a
 * scale, such as those of mixed samples, are not known before the step.
 * @throws Error when constants are no such targets
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
    // Steps of many parts read the same targets again and again.
    rules.set(key, (rules.get(key) ?? new Map()).set(JSON.stringify(rule), rule));
  }
  return new Map([...rules].map(([key, ofSource]) => [key, [...ofSource.values()]]));
}

/**
 * The source whose elements a tensor has, `row` and `row` of them together, each times a constant; undefined where it has
 * anything else.
 */
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

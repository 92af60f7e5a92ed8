/**
 * Every layer: what it gives, by formulas written down anew here; its gradients, by differences; and all of it the
 * same on all engines, in training and in evaluation.
 */
import { describe, expect, it } from "vitest";
import { compile, type Elements, type Engine, gradients, type Tensor } from "../../../src/index.ts";
import { difference, differences } from "../../helpers/compare.ts";
import { DEVICES, useEngines } from "../../helpers/engines.ts";
import { type DifferentiableFunction, gradientErrors, traced } from "../../helpers/finite-differences.ts";
import { asFunction, declaredSamples } from "../../helpers/layer-run.ts";
import { type Sample, uniform } from "../../helpers/samples.ts";
import { imageCases } from "./layer-cases/images.ts";
import { otherCases } from "./layer-cases/others.ts";

const engines = useEngines();
const cases = Object.entries({ ...otherCases, ...imageCases });
const TOLERANCE = { rtol: 1e-4, atol: 1e-5 };

describe.each(cases)("%s", (_name, { layer, x, expected, expectedInEvaluation }) => {
  const declared = declaredSamples(layer, x.shape.slice(1));

  it.each([true, false])("gives what its formula says (training: %s)", async (training) => {
    const want = ((!training && expectedInEvaluation) || expected)(x, declared);
    const fn = asFunction(layer, x, training, declared);
    const { y } = await run(engines.cpu, fn, ({ body }, tensors) => ({ y: body(tensors) }));
    expect(traced(fn).shape).toEqual(want.shape);
    expect(difference("y", y, want.data, TOLERANCE)).toBe(undefined);
  });

  it.each(DEVICES)("gives the same, and the same gradients, on the %s", async (kind) => {
    // A layer that goes by the mode is checked in both; any other has one program.
    const fns = [true, false].map((training) => asFunction(layer, x, training, declared));
    for (const fn of expectedInEvaluation ? fns : fns.slice(0, 1)) {
      const arriving = uniform(traced(fn).shape);
      const [want, got] = [
        await run(engines.cpu, fn, valuesAndGradients, arriving),
        await run(engines[kind], fn, valuesAndGradients, arriving),
      ];
      expect(Object.keys(got)).toEqual(Object.keys(want));
      const found = Object.keys(want).map((name) => difference(name, got[name], want[name], TOLERANCE));
      expect(differences(...found)).toEqual([]);
    }
  });

  it("has one program for training and evaluation, unless it says otherwise", async () => {
    const programs = [true, false].map(async (training) => {
      const compiled = await compile(
        engines.cpu,
        samplesOf(asFunction(layer, x, training, declared)),
        (tensors) => ({
          y: asFunction(layer, x, training, declared).body(tensors),
        }),
      );
      return JSON.stringify(compiled.program);
    });
    const [inTraining, inEvaluation] = await Promise.all(programs);
    expect(inTraining === inEvaluation).toBe(expectedInEvaluation === undefined);
  });

  it.each(expectedInEvaluation ? [true, false] : [true])(
    "has the gradients that differences show (training: %s)",
    async (training) => {
      expect(await gradientErrors(engines.cpu, asFunction(layer, x, training, declared))).toEqual([]);
    },
  );
});

type Tensors = Readonly<Record<string, Tensor>>;

function samplesOf({ inputs }: DifferentiableFunction): Record<string, Sample> {
  return { ...inputs };
}

/** The result `y`, and the gradient of each input. */
function valuesAndGradients({ inputs, body }: DifferentiableFunction, tensors: Tensors): Tensors {
  const names = Object.keys(inputs).filter((name) => inputs[name].dtype === "f32");
  const y = body(tensors);
  const found = gradients(
    y,
    names.map((name) => tensors[name]),
    tensors.arriving,
  );
  return { y, ...Object.fromEntries(names.map((name, i) => [`gradient of ${name}`, found[i]])) };
}

async function run(
  engine: Engine,
  fn: DifferentiableFunction,
  outputs: (fn: DifferentiableFunction, tensors: Tensors) => Tensors,
  arriving?: Sample,
): Promise<Readonly<Record<string, Elements>>> {
  const samples: Record<string, Sample> = arriving ? { ...fn.inputs, arriving } : { ...fn.inputs };
  const compiled = await compile(engine, samples, (tensors: Tensors) => outputs(fn, tensors));
  const data = Object.fromEntries(Object.entries(samples).map(([name, sample]) => [name, sample.data]));
  const results = await compiled(data);
  compiled.release();
  return results;
}

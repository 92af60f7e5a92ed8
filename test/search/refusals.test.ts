/** What searches refuse, before anything is trained. */
import { describe, expect, it } from "vitest";
import { dataset } from "../../src/data/dataset.ts";
import { adam, cpu, dense, type Engine, type LayerFunction, relu, sequential } from "../../src/index.ts";
import {
  choice,
  gridSearch,
  integer,
  logUniform,
  randomSearch,
  successiveHalving,
  uniform,
} from "../../src/search/index.ts";
import { memoryRecord, small, train, validation } from "./samples.ts";

/** An engine on which nothing may be compiled. */
function idle(): Engine {
  const engine = cpu();
  engine.compile = async () => {
    throw new Error("something was trained");
  };
  engine.buffer = () => {
    throw new Error("something was allocated");
  };
  return engine;
}

type Grid = Parameters<typeof gridSearch>[1];
const searching = (given: object) =>
  gridSearch(idle(), {
    ...small,
    validation,
    space: { hidden: [2], learningRate: [0.1] },
    ...given,
  } as unknown as Grid);

describe("gridSearch refuses", () => {
  it.each<[object, string]>([
    [
      { space: { hidden: [2], learningRate: [0.1], momentum: [0.9] } },
      'gridSearch: a search over an unknown option: "momentum" is no option of fit, and neither model nor options read it. ' +
        "Options of fit that can be chosen: batchSize, epochs, seed, ",
    ],
    [
      { space: { hidden: [2] } },
      'gridSearch: the choices are read for "learningRate", which the space does not hold; the space holds hidden',
    ],
    [
      { options: () => ({ learningRate: 1 }) },
      'gridSearch: options: there is no option of fit called "learningRate"; give it to the optimizer:',
    ],
    [
      { fit: { epoch: 3 } },
      'gridSearch: fit: there is no option of fit called "epoch"; did you mean epochs?',
    ],
    [
      { fit: { validation } },
      'gridSearch: fit names "validation", which no trial may set; give it to the search',
    ],
    [
      {
        space: { hidden: [2], learningRate: [0.1], batchSize: [4] },
        options: ({ learningRate }: { learningRate: number }) => ({ batchSize: learningRate }),
      },
      "gridSearch: batchSize is in the space and in the result of options",
    ],
    [{ space: {} }, "gridSearch: the space is empty; name what to choose"],
    [
      { space: { hidden: [], learningRate: [0.1] } },
      "gridSearch: space.hidden is an empty list; give one value or more",
    ],
    [
      { space: { hidden: 2, learningRate: [0.1] } },
      "gridSearch: space.hidden is no list; give a list of values",
    ],
    [{ space: { hidden: uniform(0, 1), learningRate: [0.1] } }, "search a distribution by randomSearch"],
    [
      { space: { hidden: [2], learningRate: [Number.NaN] } },
      "gridSearch: space.learningRate[0] is NaN; choices are plain values",
    ],
    [
      { space: { hidden: [2], learningRate: [adam()] } },
      "gridSearch: space.learningRate[0] is [object Object]; choices are plain values",
    ],
    [
      { space: { hidden: [2], learningRate: [0.1], optimizer: ["adam"] } },
      "gridSearch: space.optimizer cannot be chosen: the option optimizer of fit is no plain value",
    ],
    [
      { monitor: "accurracy" },
      'gridSearch: monitor is "accurracy"; did you mean "accuracy"? There is "loss", "accuracy"; or give a function',
    ],
    [{ mode: "least" }, 'gridSearch: mode is "least"; give "max" or "min"'],
    [{ validation: undefined }, "gridSearch: neither validation nor folds is given; give one"],
    [{ folds: 3 }, "gridSearch: both validation and folds are given; give one"],
    [{ validation: undefined, folds: 25 }, "kFold: 25 folds of 24 samples"],
    [{ data: undefined }, "gridSearch: there is no data"],
    [{ model: dense(2) }, "gridSearch: model and options are functions of the choices"],
    [
      { fit: { batchSize: 25 } },
      'gridSearch: trial 0, {"hidden":2,"learningRate":0.1}, cannot be trained: fit: clouds has 24 samples, fewer than one batch',
    ],
    [
      { validation: undefined, folds: 2, fit: { batchSize: 13 } },
      "clouds has 12 samples, fewer than one batch of 13",
    ],
    [
      { space: { hidden: [2, 0], learningRate: [0.1] } },
      'gridSearch: trial 1, {"hidden":0,"learningRate":0.1}, cannot be trained: ',
    ],
    [{ space: { hidden: [2], learningRate: [0.1], clip: [{ norm: -1 }] } }, "fit: clip.norm is -1"],
  ])("%o: %s", async (given, message) => {
    await expect(searching(given)).rejects.toThrow(message);
  });

  it("accuracy of data without classes", async () => {
    const numbers = dataset({ inputs: train.inputs, targets: { data: new Float32Array(24) } });
    const search = searching({ data: numbers, monitor: "accuracy" });
    await expect(search).rejects.toThrow('gridSearch: monitor is "accuracy", and dataset has no classes');
  });

  it("choices that are changed", async () => {
    const model = (choices: { hidden: number }) => {
      choices.hidden = 3;
      return dense(2);
    };
    await expect(searching({ model })).rejects.toThrow(
      "gridSearch: choices cannot be changed; hidden was to be set",
    );
  });

  it("nothing of choices that are read only while the model is traced", async () => {
    const lazy = (choices: { hidden: number }): LayerFunction => {
      return (x, scope) => sequential(dense(choices.hidden), relu(), dense(2)).apply(x, scope);
    };
    // All was found in order: what comes next is the training.
    await expect(searching({ model: lazy })).rejects.toThrow("something was allocated");
  });
});

describe("random searches refuse", () => {
  type Random = Parameters<typeof randomSearch>[1];
  type Halving = Parameters<typeof successiveHalving>[1];
  const base = {
    ...small,
    fit: { batchSize: 12 },
    validation,
    space: { hidden: [2], learningRate: uniform(0, 1) },
  };
  const random = (given: object) =>
    randomSearch(idle(), { ...base, trials: 2, ...given } as unknown as Random);
  const halving = (given: object) =>
    successiveHalving(idle(), { ...base, configurations: 4, maxEpochs: 4, ...given } as unknown as Halving);

  it.each<[object, string]>([
    [{ trials: 0 }, "randomSearch: trials is 0; give a whole number from 1"],
    [{ trials: 1.5 }, "randomSearch: trials is 1.5"],
    [{ trials: Number.NaN }, "randomSearch: trials is NaN"],
    [
      { space: { hidden: [2], learningRate: 0.1 } },
      "randomSearch: space.learningRate is no list; give a list, or uniform(…)",
    ],
    [{ seed: -1 }, "seed is -1"],
  ])("%o: %s", async (given, message) => {
    await expect(random(given)).rejects.toThrow(message);
  });

  it.each<[object, string]>([
    [{ configurations: 0 }, "successiveHalving: configurations is 0; give a whole number from 1"],
    [{ minEpochs: 0 }, "successiveHalving: minEpochs is 0"],
    [{ minEpochs: 5 }, "successiveHalving: maxEpochs is 4; give a whole number from 5"],
    [{ maxEpochs: undefined }, "successiveHalving: maxEpochs is undefined"],
    [{ eta: 1 }, "successiveHalving: eta is 1; give a whole number from 2"],
    [{ fit: { epochs: 3 } }, "successiveHalving: fit names epochs, which the search itself sets"],
    [
      { options: ({ learningRate }: { learningRate: number }) => ({ epochs: learningRate }) },
      "successiveHalving: options names epochs",
    ],
    [{ space: { hidden: [2], learningRate: [1], epochs: [2] } }, "successiveHalving: the space names epochs"],
  ])("halving %o: %s", async (given, message) => {
    await expect(halving(given)).rejects.toThrow(message);
  });

  it("distributions of nothing", () => {
    expect(() => uniform(1, 1)).toThrow(
      "uniform: the range is 1 to 1; give two finite numbers, the lower one first",
    );
    expect(() => uniform(0, Number.NaN)).toThrow("uniform: the range is 0 to NaN");
    expect(() => logUniform(0, 1)).toThrow(
      "logUniform: the range is 0 to 1; give two finite numbers above 0",
    );
    expect(() => integer(1.5, 2)).toThrow("integer: the range is 1.5 to 2; give two whole numbers");
    expect(() => choice([])).toThrow("choice: values is an empty list");
  });
});

it("a record that could not be written is refused before the first trial", async () => {
  const path = "/no such folder/record.jsonl";
  await expect(searching({ record: path })).rejects.toThrow(
    `save: ${path} cannot be written: its folder does not exist (ENOENT)`,
  );
});

describe("a record of another search", () => {
  const search = (record: ReturnType<typeof memoryRecord> | string, given: object = {}) =>
    gridSearch(cpu(), {
      ...small,
      fit: { batchSize: 12, epochs: 1 },
      validation,
      space: { hidden: [2], learningRate: [0.1] },
      record,
      ...given,
    });

  /** The same by name, count and classes; one number is another. */
  const changed = small.data.inputs.data.slice();
  changed[7] += 0.5;
  const other = { ...small.data, inputs: { ...small.data.inputs, data: changed } };

  it.each<[object, string]>([
    [{ seed: 4 }, "seed was 3, is 4"],
    [
      { space: { hidden: [2], learningRate: [0.2] } },
      'space was {"hidden":[2],"learningRate":[0.1]}, is {"hidden":[2],"learningRate":[0.2]}',
    ],
    [{ mode: "max" }, 'mode was "min", is "max"'],
    [{ monitor: "accuracy" }, 'monitor was "loss", is "accuracy"; mode was "min", is "max"'],
    [
      { data: validation },
      'data was {"name":"clouds","count":24,"classes":2}, is {"name":"more clouds","count":15',
    ],
    [{ data: other }, 'contents was ["'],
    [
      { fit: { batchSize: 12, epochs: 2 } },
      'fit was {"batchSize":12,"epochs":1}, is {"batchSize":12,"epochs":2}',
    ],
    [{ validation: undefined, folds: 2 }, "validation was"],
  ])("is refused where it differs by %o", async (given, difference) => {
    const record = memoryRecord();
    await search(record);
    const { text } = record;
    const refusal = search(record, given);
    await expect(refusal).rejects.toThrow("gridSearch: the record is the record of another search: ");
    await expect(refusal).rejects.toThrow(difference);
    expect(record.text).toBe(text);
  });

  it("is refused where another kind of search made it", async () => {
    const record = memoryRecord();
    await search(record);
    const random = randomSearch(cpu(), {
      ...small,
      fit: { batchSize: 12, epochs: 1 },
      validation,
      space: { hidden: [2], learningRate: [0.1] },
      trials: 1,
      record,
    });
    await expect(random).rejects.toThrow('search was "gridSearch", is "randomSearch"');
  });

  it.each(["hello", "hello\n", '{"epoch":1}\n', "1\n"])(
    "%j is no record, and is left alone",
    async (text) => {
      const record = memoryRecord(text);
      await expect(search(record)).rejects.toThrow("gridSearch: the record holds no record of a search");
      expect(record.text).toBe(text);
    },
  );

  it("is refused where its trials have other choices", async () => {
    const record = memoryRecord();
    await search(record);
    record.text = record.text.replace('"choices":{"hidden":2', '"choices":{"hidden":3');
    await expect(search(record)).rejects.toThrow("the record's trial 0 has the choices");
  });

  it("that cannot be written names the path", async () => {
    const path = "/no/such/folder/trials.jsonl";
    await expect(search(path)).rejects.toThrow(`save: ${path} cannot be written: `);
  });
});

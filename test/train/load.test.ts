/** Weights taken over: from wherever they lie, all of them or a part, and never what would spoil a model. */
import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, describe, expect, it, vi } from "vitest";
import { dataset } from "../../src/data/dataset.ts";
import {
  cpu,
  createTrainer,
  dense,
  fit,
  type LoadOptions,
  relu,
  scaling,
  sequential,
  type Trainer,
  type WeightsSource,
} from "../../src/index.ts";
import { decodeSafetensors, encodeSafetensors } from "../../src/safetensors/index.ts";
import { useTemporaryFolder } from "../helpers/programs.ts";

const folder = useTemporaryFolder();
afterEach(() => vi.unstubAllGlobals());

/** A model whose last layer has so many outputs. */
const opened = (classes: number, seed = 1): Trainer =>
  createTrainer(cpu(), sequential(dense(4), relu(), dense(classes)), { inputShape: [3], seed });
type Weights = Awaited<ReturnType<Trainer["weights"]>>;
const file = (weights: Weights) => encodeSafetensors(weights);
const pretrained = () => opened(5, 9).weights();

describe("weights come from wherever bytes lie", () => {
  const sources: [string, (bytes: Uint8Array<ArrayBuffer>) => WeightsSource | Promise<WeightsSource>][] = [
    ["a Uint8Array", (bytes) => bytes],
    ["a Buffer", (bytes) => Buffer.from(bytes)],
    ["an ArrayBuffer", (bytes) => bytes.buffer],
    [
      "a part of an ArrayBuffer",
      (bytes) => {
        const larger = new Uint8Array(bytes.length + 9);
        larger.set(bytes, 5);
        return new DataView(larger.buffer, 5, bytes.length);
      },
    ],
    [
      "memory that is shared",
      (bytes) => {
        const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
        shared.set(bytes);
        return shared;
      },
    ],
    ["a Blob", (bytes) => new Blob([bytes])],
    ["a File", (bytes) => new File([bytes], "w.safetensors")],
    ["a Response", (bytes) => new Response(bytes)],
    [
      "a data URL",
      (bytes) => new URL(`data:application/octet-stream;base64,${Buffer.from(bytes).toString("base64")}`),
    ],
    ["a blob URL", (bytes) => new URL(URL.createObjectURL(new Blob([bytes])))],
    [
      "a path",
      async (bytes) => {
        await writeFile(join(folder.path, "w.safetensors"), bytes);
        return join(folder.path, "w.safetensors");
      },
    ],
    [
      "the URL of a file",
      async (bytes) => {
        await mkdir(join(folder.path, "a folder"), { recursive: true });
        await writeFile(join(folder.path, "a folder", "w#1.safetensors"), bytes);
        return pathToFileURL(join(folder.path, "a folder", "w#1.safetensors"));
      },
    ],
    ["a Map of tensors", (bytes) => decodeSafetensors(bytes).tensors],
  ];
  it.each(sources)("%s", async (_what, make) => {
    const weights = await pretrained();
    const trainer = opened(5);
    await trainer.load(await make(file(weights) as Uint8Array<ArrayBuffer>));
    expect(await trainer.weights()).toEqual(weights);
  });

  it("an address, and says where there is nothing", async () => {
    const weights = await pretrained();
    const server = createServer((request, response) => {
      response.statusCode = request.url === "/w" ? 200 : 404;
      response.end(request.url === "/w" ? file(weights) : "<html>no such page</html>");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      const trainer = opened(5);
      await trainer.load(new URL(`${address}/w`));
      expect(await trainer.weights()).toEqual(weights);
      await trainer.load(await fetch(`${address}/w`));
      const missing = `load: ${address}/none cannot be read: HTTP 404 Not Found`;
      await expect(trainer.load(new URL(`${address}/none`))).rejects.toThrow(missing);
      await expect(trainer.load(await fetch(`${address}/none`))).rejects.toThrow(missing);
      const read = await fetch(`${address}/w`);
      await read.arrayBuffer();
      await expect(trainer.load(read)).rejects.toThrow("its body has been read; give the bytes");
      await expect(trainer.load(`${address}/w`)).rejects.toThrow(
        `load: "${address}/w" would be the path of a file, but it is an address; give new URL(…), the result of fetch`,
      );
    } finally {
      server.closeAllConnections();
      server.close();
    }
    await expect(opened(5).load(new URL(`${address}/w`))).rejects.toThrow(
      /^load: http.* cannot be read: fetch failed: /,
    );
  });

  it("a path in a browser is refused with what to give instead", async () => {
    vi.stubGlobal("process", { env: {} });
    await expect(opened(5).load("w.safetensors")).rejects.toThrow(
      'load: "w.safetensors" would be the path of a file, but a browser has no file system; give new URL(…), the result of fetch, or a File',
    );
  });

  it.each<[unknown, string]>([
    [
      undefined,
      "load: the weights are undefined; give { name: { shape, data } }, as trainer.weights() does, or a safetensors file: bytes, a Blob",
    ],
    [null, "load: the weights are null"],
    [7, "load: the weights are 7"],
    [[1, 2], "load: the weights are an array of 2"],
    [Promise.resolve(new Response()), "load: the weights are a Promise (put await in front of it)"],
    [
      { "0.weight": [1, 2] },
      'load: "0.weight" is an array of 2; give { shape, data }: its shape, and its elements',
    ],
    [{ "0.weight": null }, 'load: "0.weight" is null'],
    [{ "0.weight": { shape: [3], data: 5 } }, 'load: "0.weight" is an object with shape, data'],
  ])("%j are no weights", async (source, message) => {
    await expect(opened(5).load(source as WeightsSource)).rejects.toThrow(message);
  });

  it("what holds weights, or will give them, is none itself", async () => {
    const trainer = opened(5);
    await expect(trainer.load(trainer as never)).rejects.toThrow(
      "load: the weights are an object of class Trainer; give { name: { shape, data } }, as trainer.weights() does, or",
    );
    await expect(trainer.load(new Blob([]).stream() as never)).rejects.toThrow(
      "load: the weights are an object of class ReadableStream; give",
    );
  });
});

describe("NaN is not loaded unless told", () => {
  const spoilt = async (value: number) => {
    const weights = await pretrained();
    weights["2.weight"].data[7] = value;
    return weights;
  };

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])("%f", async (value) => {
    const weights = await spoilt(value);
    const trainer = opened(5);
    const before = await trainer.weights();
    for (const source of [weights, file(weights)])
      await expect(trainer.load(source)).rejects.toThrow(
        `weights does not fit the model: 2.weight holds ${value} at element 7. Nothing was loaded; load weights saved before the run diverged, or pass nonFinite: "allow".`,
      );
    expect(await trainer.weights()).toEqual(before);
    await trainer.load(weights, { nonFinite: "allow" });
    expect(await trainer.weights({ nonFinite: "allow" })).toEqual(weights);
  });

  it("nor what 32 bits cannot hold", async () => {
    const weights = { ...(await pretrained()), "2.bias": { shape: [5], data: [1, 2, 3, 1e300, 5] } };
    await expect(opened(5).load(weights)).rejects.toThrow("2.bias holds Infinity at element 3");
  });

  it("of what is not taken over it does not matter", async () => {
    const trainer = opened(5);
    await trainer.load(await spoilt(Number.NaN), { only: "0" });
    await expect(trainer.load(await pretrained(), { nonFinite: "no" as "allow" })).rejects.toThrow(
      'load: nonFinite is "no"; give "refuse" or "allow"',
    );
  });
});

describe("a part is taken over", () => {
  it.each<[string, LoadOptions]>([
    ["by a path", { only: "0" }],
    ["by a path with its point", { only: "0." }],
    ["by a pattern", { only: /^0\./g }],
    ["by a function", { only: (name) => name.startsWith("0.") }],
  ])("%s; the rest stays as it is, whatever shape the source has there", async (_what, options) => {
    const source = await pretrained();
    const trainer = opened(7);
    const before = await trainer.weights();
    expect(await trainer.load(file(source), options)).toEqual({
      loaded: ["0.weight", "0.bias"],
      kept: ["2.weight", "2.bias"],
      unused: ["2.weight", "2.bias"],
    });
    expect(await trainer.weights()).toEqual({
      "0.weight": source["0.weight"],
      "0.bias": source["0.bias"],
      "2.weight": before["2.weight"],
      "2.bias": before["2.bias"],
    });
  });

  it("under other names", async () => {
    const source = await pretrained();
    const theirs = {
      "encoder.fc.weight": source["0.weight"],
      "encoder.fc.bias": source["0.bias"],
      head: source["2.bias"],
    };
    const trainer = opened(7);
    const rename = (name: string) =>
      name.startsWith("encoder.fc.") ? name.replace("encoder.fc.", "0.") : undefined;
    const report = await trainer.load(theirs, { only: "0", rename });
    expect(report).toEqual({
      loaded: ["0.weight", "0.bias"],
      kept: ["2.weight", "2.bias"],
      unused: ["head"],
    });
    expect((await trainer.weights())["0.weight"]).toEqual(source["0.weight"]);
    await expect(trainer.load(theirs, { rename })).rejects.toThrow(
      "missing 2.weight [7, 4]; missing 2.bias [7]. Nothing",
    );
    await expect(trainer.load(theirs, { rename: () => "0.bias", strict: false })).rejects.toThrow(
      /0\.bias is \[4, 3\], the model has \[4\]; 0\.bias comes twice; rename gives it to encoder\.fc\.bias, too/,
    );
  });

  it("what either side lacks is no error with strict: false, a wrong shape is one", async () => {
    const { "2.bias": _bias, ...others } = await pretrained();
    const source = { ...others, extra: { shape: [1], data: [1] } };
    const trainer = opened(5);
    await expect(trainer.load(source)).rejects.toThrow(
      "missing 2.bias [5]; unknown extra [1]. Nothing was loaded",
    );
    expect(await trainer.load(source, { strict: false })).toEqual({
      loaded: ["0.weight", "0.bias", "2.weight"],
      kept: ["2.bias"],
      unused: ["extra"],
    });
    const other = opened(7);
    const before = await other.weights();
    await expect(other.load(await pretrained(), { strict: false })).rejects.toThrow(
      "2.weight is [5, 4], the model has [7, 4]; 2.bias is [5], the model has [7]. Nothing was loaded; build the same model first, or choose the tensors to load with only, rename or strict: false",
    );
    expect(await other.weights()).toEqual(before);
  });

  it("nothing at all is always an error", async () => {
    const theirs = { "fc1.weight": (await pretrained())["0.weight"] };
    await expect(opened(5).load(theirs, { strict: false })).rejects.toThrow(
      "weights holds none of the model's tensors that were asked for: it has fc1.weight, the model 0.weight, 0.bias, 2.weight, 2.bias. Nothing was loaded; map the names with rename",
    );
    await expect(opened(5).load(theirs, { only: "backbone" })).rejects.toThrow(
      "load: only backbone matches none of the model's tensors, which are 0.weight, 0.bias, 2.weight, 2.bias",
    );
    await expect(opened(5).load(theirs, { only: "0" })).rejects.toThrow(
      "missing 0.weight [4, 3]; missing 0.bias [4]",
    );
  });

  it.each([
    [{ only: 5 }, 'load: only is 5; give a path such as "0", a pattern, or a function of names'],
    [{ Strict: false }, 'load: there is no option "Strict"; did you mean strict?'],
    [{ strict: "no" }, "load: strict is"],
    [{ rename: { a: "b" } }, "load: rename is"],
  ])("%j is refused", async (options, message) => {
    await expect(opened(5).load(await pretrained(), options as LoadOptions)).rejects.toThrow(message);
  });

  it("what has no value yet has one only when it was among it", async () => {
    const make = () => createTrainer(cpu(), sequential(scaling({}), dense(2)), { inputShape: [3] });
    const part = make();
    await part.load({ "1.weight": { shape: [2, 3], data: [1, 2, 3, 4, 5, 6] } }, { strict: false });
    await expect(part.weights()).rejects.toThrow("0.offset has no values yet");
  });
});

it("a run of fit begins from weights that were loaded before its first epoch", async () => {
  const source = await pretrained();
  const data = dataset({
    inputs: { data: Float32Array.from({ length: 12 }, (_, i) => Math.sin(i)), shape: [3] },
    targets: { data: Uint8Array.of(0, 1, 2, 3) },
    classes: 5,
  });
  const run = fit(cpu(), sequential(dense(4), relu(), dense(5)), data, { batchSize: 4, epochs: 1 });
  await run.trainer.load(source);
  const started = createTrainer(cpu(), sequential(dense(4), relu(), dense(5)), { inputShape: [3] });
  await started.load(source);
  const { evaluate } = await import("../../src/index.ts");
  const expected = await evaluate(started, data);
  for await (const { loss } of run) expect(Math.abs(loss - expected.loss)).toBeLessThan(1e-6);
});

it("a checkpoint is no file of weights", async () => {
  const data = dataset({
    inputs: { data: new Float32Array(12), shape: [3] },
    targets: { data: Uint8Array.of(0, 1, 2, 3) },
    classes: 5,
  });
  const run = fit(cpu(), sequential(dense(4), relu(), dense(5)), data, { batchSize: 4, epochs: 1 });
  for await (const _ of run);
  await expect(opened(5).load(await run.checkpoint())).rejects.toThrow(
    "weights is a checkpoint, not a file of weights; give the checkpoint to fit as the option resume",
  );
});

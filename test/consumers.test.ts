/** The package as npm publishes it, used by projects of several kinds. `npm test` builds it first. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { extract } from "tar";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const entries: string[] = Object.keys(manifest.exports).map((name) => `wgrad${name.slice(1)}`);

const project = mkdtempSync(join(tmpdir(), "wgrad-consumer-"));
const installed = join(project, "node_modules", "wgrad");

function run(command: string, args: readonly string[], cwd = project) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: "utf8", timeout: 50_000 });
  return { status, stdout, stderr };
}

const node = (...args: string[]) => run(process.execPath, args);

function write(name: string, text: string): string {
  writeFileSync(join(project, name), text);
  return name;
}

beforeAll(async () => {
  // What `prepack` does is done: other tests use dist meanwhile.
  const packed = run("npm", ["pack", "--ignore-scripts", "--json", "--pack-destination", project], root);
  expect(packed.stderr + packed.stdout).toContain("wgrad");
  const [{ filename }] = JSON.parse(packed.stdout);
  mkdirSync(installed, { recursive: true });
  await extract({ file: join(project, filename), cwd: installed, strip: 1 });
  write("package.json", '{ "type": "module" }');
});

afterAll(() => rmSync(project, { recursive: true, force: true }));

describe("the packed package", () => {
  it("is built before it is packed", () => {
    expect(manifest.scripts.prepack).toBe("npm run -s build");
  });

  it("has what its manifest names", () => {
    const named = [manifest.unpkg, manifest.jsdelivr];
    for (const { types, default: code } of Object.values<Record<string, string>>(manifest.exports))
      named.push(types, code);
    for (const path of named) expect(readFileSync(join(installed, path as string), "utf8")).not.toBe("");
  });

  it("can be imported and required, each entry", () => {
    const uses = entries.map((name) => `await import("${name}")`).join(", ");
    const imports = write(
      "imports.mjs",
      `console.log([${uses}].map((one) => Object.keys(one).length > 0).join())`,
    );
    const requires = write(
      "requires.cjs",
      `console.log([${entries.map((name) => `require("${name}")`).join(", ")}].map((one) => Object.keys(one).length > 0).join())`,
    );
    for (const file of [imports, requires]) {
      expect(node("--no-warnings", file)).toMatchObject({
        status: 0,
        stdout: `${entries.map(() => true)}\n`,
      });
    }
  });

  it("shows an error that nobody caught by its name, in a few readable lines", () => {
    const file = write(
      "uncaught.mjs",
      'import { cpu } from "wgrad";\nconst engine = cpu();\nawait engine.destroy();\nengine.buffer("x", "f32", 1);\n',
    );
    const { status, stderr } = node(file);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^\s.*throw new EngineError\(/m);
    expect(stderr).toMatch(/^EngineError: /m);
    expect(stderr).toMatch(/at CpuEngine\.buffer /);
    expect(stderr.length).toBeLessThan(1500);
  });
});

describe("README's first example", () => {
  const [, example = ""] =
    /## In code\n\n```ts\n([\s\S]*?)```/.exec(readFileSync(join(root, "README.md"), "utf8")) ?? [];

  it("runs in the oldest Node that the package is for", () => {
    // Node 20 has no `using` declarations; on a machine without GPU and network, on the CPU engine and drawn digits.
    expect(example).not.toMatch(/\busing\b.*=/);
    const small = example
      .replace("connect, crossEntropy", "cpu as connect, crossEntropy")
      .replace("{ mnist }", "{ digits }")
      .replace("await mnist()", "digits({ train: 256, test: 64 })")
      .replace("epochs: 5", "epochs: 2");
    const { status, stdout, stderr } = node(write("example.mjs", small));
    expect(stderr).toBe("");
    expect(status).toBe(0);
    expect(stdout).toMatch(/^1 \d\.\d+ 0\.\d+\n2 \d\.\d+ [01][.\d]*\n$/);
    expect(readFileSync(join(project, "mnist.safetensors")).length).toBeGreaterThan(900_000);
  });

  it("type-checks in a new project of Vite", () => {
    write("example.ts", example);
    expect(typeCheck("example.ts", VITE)).toBe("");
  });
});

/** create-vite's, for TypeScript. */
const VITE = {
  target: "ES2022",
  useDefineForClassFields: true,
  module: "ESNext",
  lib: ["ES2022", "DOM", "DOM.Iterable"],
  types: [],
  skipLibCheck: true,
  moduleResolution: "bundler",
  allowImportingTsExtensions: true,
  verbatimModuleSyntax: true,
  moduleDetection: "force",
  noEmit: true,
  strict: true,
  noUnusedLocals: true,
  noUnusedParameters: true,
  erasableSyntaxOnly: true,
  noFallthroughCasesInSwitch: true,
  noUncheckedSideEffectImports: true,
};
const STRICT = { skipLibCheck: false, noUncheckedIndexedAccess: true, exactOptionalPropertyTypes: true };

/** What the compiler finds wrong, "" if nothing. */
function typeCheck(file: string, compilerOptions: object, ...others: string[]): string {
  write("tsconfig.json", JSON.stringify({ compilerOptions, files: [file, ...others] }));
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  return node(tsc, "-p", "tsconfig.json").stdout;
}

const CONSUMER = `
${entries.map((name, i) => `import * as entry${i} from "${name}";`).join("\n")}
import { adam, type Callback, cpu, createTrainer, dense, type FitRun, fit, mean, predict, relu, sequential, square, sub } from "wgrad";
import { type Dataset, dataset, digits, split } from "wgrad/data";

export const all = [${entries.map((_, i) => `entry${i}`).join(", ")}];
const engine = cpu();
const { train } = digits({ train: 100, test: 10 });
const [some, validation]: [Dataset, Dataset] = split(train, [0.9, 0.1], { seed: 1 });
const parts: Dataset[] = split(train, [0.5, 0.5].map((part) => part));
const seen: Callback = { name: "seen", onEpoch: ({ epoch }) => (epoch > 2 ? "stop" : undefined) };
const run: FitRun = fit(engine, sequential(dense(8), relu(), dense(10)), some, {
  optimizer: adam({ learningRate: 0.001, groups: [{ match: /bias/, learningRate: 0.01 }] }),
  loss: (outputs, targets) => mean(square(sub(outputs, targets))),
  schedule: (step, { total }) => 1 - step / total,
  callbacks: [seen, ({ loss }) => console.log(loss.toFixed(3))],
  validation,
});
for await (const { loss } of run) console.log(loss, parts.length);
const trainer = createTrainer(engine, dense(2), { inputShape: [2] });
const { data, shape } = await predict(trainer, [[1, 2], [3, 4]]);
console.log(data[0], shape[0], dataset);
await engine.destroy();
`;

/** What the declarations need of a \`lib\` for pages, without WebGPU. */
const DOM = `
interface Blob { readonly size: number }
interface Response { readonly ok: boolean }
interface URL { readonly href: string }
interface AbortSignal { readonly aborted: boolean }
interface Console { log(...values: unknown[]): void }
declare var console: Console;
declare function fetch(input: string | URL): Promise<Response>;
`;

describe("its declarations", () => {
  beforeAll(() => {
    write("consumer.ts", CONSUMER);
    write("dom.d.ts", DOM);
  });

  it.each<[string, object]>([
    ["in a new project of Vite", VITE],
    ["there, under the strictest options", { ...VITE, ...STRICT }],
    [
      "with newer libraries, under the strictest options",
      { ...VITE, ...STRICT, target: "ESNext", lib: ["ESNext", "DOM", "DOM.AsyncIterable"] },
    ],
    ["resolved as Node 16 does", { ...VITE, ...STRICT, module: "node16", moduleResolution: "node16" }],
    ["resolved as Node does now", { ...VITE, ...STRICT, module: "nodenext", moduleResolution: "nodenext" }],
  ])("are right %s", (_where, options) => {
    expect(typeCheck("consumer.ts", options)).toBe("");
  });

  it("are right where nothing of WebGPU and of disposal is known", () => {
    expect(typeCheck("consumer.ts", { ...VITE, ...STRICT, lib: ["ES2022"] }, "dom.d.ts")).toBe("");
  });

  it("are right for a program in Node, which has types of Node alone", () => {
    const own = JSON.parse(readFileSync(join(root, "node_modules/@types/node/package.json"), "utf8"));
    for (const name of ["@types/node", ...Object.keys(own.dependencies)])
      cpSync(join(root, "node_modules", name), join(project, "node_modules", name), { recursive: true });
    const resolution = { module: "nodenext", moduleResolution: "nodenext" };
    const options = { ...VITE, ...STRICT, ...resolution, lib: ["ES2022"], types: ["node"] };
    expect(typeCheck("consumer.ts", options)).toBe("");
  });

  it("are right beside @webgpu/types", () => {
    cpSync(join(root, "node_modules/@webgpu/types"), join(project, "node_modules/@webgpu/types"), {
      recursive: true,
    });
    const options = { ...VITE, ...STRICT, lib: ["ES2022"], types: ["@webgpu/types"] };
    // Its own declarations are not held to the strictest options.
    expect(typeCheck("consumer.ts", { ...options, skipLibCheck: true }, "dom.d.ts")).toBe("");
  });

  it("are right for CommonJS", () => {
    write(
      "common.cts",
      'import wgrad = require("wgrad");\nexport const engine: wgrad.Engine = wgrad.cpu();\n',
    );
    const { verbatimModuleSyntax: _, erasableSyntaxOnly: __, ...options } = VITE;
    expect(
      typeCheck("common.cts", { ...options, ...STRICT, module: "nodenext", moduleResolution: "nodenext" }),
    ).toBe("");
  });

  it("find what is wrong", () => {
    write(
      "wrong.ts",
      'import { dense } from "wgrad";\nexport const layer = dense(2, { activation: "relu" });\n',
    );
    expect(typeCheck("wrong.ts", VITE)).toContain("'activation' does not exist in type 'DenseOptions'");
  });
});

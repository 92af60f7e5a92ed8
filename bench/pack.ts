/**
 * Packs the benchmarks into one archive that runs on a bare x86-64 Linux machine with a GPU driver and no network: Node,
 * Dawn's addon, the Vulkan loader and what else such a machine may lack, and the built program.
 */
import { execFile } from "node:child_process";
import {
  chmod,
  copyFile,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rm,
  stat,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type Command, Option } from "commander";
import { folder } from "../presets/command.ts";
import { machine } from "./measure.ts";
import { benchmark, note, outFolderOption } from "./options.ts";
import { bundle, installOthers } from "./peers/bundle.ts";
import { bundleTwins } from "./verify/bundle.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const ASSETS = fileURLToPath(new URL("pack/", import.meta.url));
const PLATFORM = "linux-x64";
const MAX_BYTES = 60e6;
/** Libraries that the program opens: without one of these, nothing runs. */
const NEEDED = ["libvulkan.so.1", "libstdc++.so.6", "libgcc_s.so.1"];
/** Libraries that a driver without a display may still ask for; packed where present. */
const ASKED_FOR = ["libGLdispatch.so.0", "libGLX.so.0", "libEGL.so.1", "libX11.so.6", "libXext.so.6"];
const MNIST_FILES = ["train", "t10k"].flatMap((set) => [
  `${set}-images-idx3-ubyte`,
  `${set}-labels-idx1-ubyte`,
]);
/** The C library's, which belong to the system. */
const SYSTEM = /^(linux-vdso|ld-linux|libc|libm|libdl|libpthread|librt|libresolv|libutil)\b/;

const run = promisify(execFile);

export interface PackContents {
  /** Whether the libraries that `peers` compares are in it. */
  readonly peers: boolean;
  /** A folder with MNIST's four files, gzipped or not. */
  readonly mnist?: string;
}

export function packCommand(): Command {
  return benchmark("pack", "an archive that runs all benchmarks on a bare x86-64 Linux machine with a GPU")
    .addOption(outFolderOption("path of the archive"))
    .option("--no-peers", "without the libraries that `peers` compares")
    .addOption(
      new Option("--mnist <folder>", "with MNIST's four files out of this folder, for `epoch`").argParser(
        folder,
      ),
    )
    .action(async ({ out, ...contents }: PackContents & { readonly out: string }) => {
      const { file, bytes } = await pack(out, contents);
      process.stdout.write(`${file}: ${(bytes / 1e6).toFixed(1)} MB\n`);
    });
}

/**
 * Writes the archive into the folder `out`.
 * @throws Error on another platform, where a library or a file of MNIST is missing, and where the archive is larger than 60 MB
 */
export async function pack(
  out: string,
  { peers, mnist }: PackContents,
): Promise<{ file: string; bytes: number }> {
  const here = `${process.platform}-${process.arch}`;
  if (here !== PLATFORM) {
    throw new Error(`pack: this is ${here}, but the archive is for ${PLATFORM}; run pack on such a machine`);
  }
  const name = `wgrad-bench-${machine().wgrad}-${PLATFORM}`;
  const stage = await mkdtemp(join(tmpdir(), "wgrad-pack-"));
  try {
    await stageAll(join(stage, name));
    if (peers) await stagePeers(join(stage, name, "peers"));
    if (mnist !== undefined) await stageMnist(mnist, join(stage, name, "mnist"));
    await mkdir(out, { recursive: true });
    const file = join(out, `${name}.tar.gz`);
    note(`packing ${file}`);
    const tar = await import("tar");
    await tar.create({ file, cwd: stage, gzip: true, portable: true }, [name]);
    const bytes = (await stat(file)).size;
    if (bytes > MAX_BYTES) throw new Error(`pack: ${file} has ${bytes} bytes, more than ${MAX_BYTES}`);
    return { file, bytes };
  } finally {
    await rm(stage, { recursive: true, force: true });
  }
}

/** Assembles the archive's contents. */
async function stageAll(folder: string): Promise<void> {
  await mkdir(folder);
  note("building the program");
  await buildProgram(join(folder, "program"));
  await bundleTwins(join(folder, "program"));
  await copyFile(join(ROOT, "bench", "pytorch.py"), join(folder, "program", "pytorch.py"));
  await cp(ASSETS, folder, { recursive: true });
  await chmod(join(folder, "bench"), 0o755);
  await copyFile(join(ROOT, "LICENSE"), join(folder, "LICENSE"));
  await writeFile(join(folder, "package.json"), await manifest());
  await stageDawn(join(folder, "node_modules", "webgpu"));
  await copyStripped(await realpath(process.execPath), join(folder, "node"));
  await chmod(join(folder, "node"), 0o755);
  for (const [library, path] of await libraries()) {
    await mkdir(join(folder, "libraries", library), { recursive: true });
    await copyFile(path, join(folder, "libraries", library, library));
  }
}

/** The candidates of `peers`, each with its library in it. */
async function stagePeers(folder: string): Promise<void> {
  installOthers(note);
  note("bundling the peers");
  await mkdir(folder);
  await bundle(["wgrad", "tensorflow", "jax"], "node", folder);
}

/** MNIST's four files, as they lie there. */
async function stageMnist(source: string, folder: string): Promise<void> {
  await mkdir(folder);
  const there = await readdir(source);
  for (const name of MNIST_FILES) {
    const file = [`${name}.gz`, name].find((one) => there.includes(one));
    if (file === undefined)
      throw new Error(`pack: --mnist: there is no ${name} in ${source}, gzipped or not`);
    await copyFile(join(source, file), join(folder, file));
  }
}

/** Bundles the benchmarks and the built package into plain JavaScript. */
async function buildProgram(outDir: string): Promise<void> {
  const { build } = await import("vite");
  await build({
    root: ROOT,
    configFile: false,
    logLevel: "warn",
    resolve: {
      alias: [
        { find: /^wgrad$/, replacement: join(ROOT, "dist", "index.js") },
        { find: /^wgrad\/data$/, replacement: join(ROOT, "dist", "data.js") },
      ],
    },
    ssr: { noExternal: true, external: ["webgpu", "vite", "tar", "playwright-core"] },
    build: {
      ssr: join(ROOT, "bench", "main.ts"),
      outDir,
      target: "node20",
      emptyOutDir: false,
      minify: true,
      // Beside main.js, as modules look for files beside them.
      rolldownOptions: { output: { entryFileNames: "main.js", chunkFileNames: "[name].js" } },
    },
  });
}

/** The archive's package.json, with the version and the type "module". */
async function manifest(): Promise<string> {
  const { name, version, license } = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8"));
  return `${JSON.stringify({ name: `${name}-bench`, version, license, private: true, type: "module" }, undefined, 2)}\n`;
}

/** The package `webgpu`, but for other platforms' addons. */
async function stageDawn(folder: string): Promise<void> {
  const source = dirname(fileURLToPath(import.meta.resolve("webgpu")));
  const addon = join("dist", PLATFORM, "dawn.node");
  await mkdir(join(folder, dirname(addon)), { recursive: true });
  for (const file of ["index.js", "package.json", "LICENSE.md", addon]) {
    await (file === addon ? copyStripped : copyFile)(join(source, file), join(folder, file));
  }
}

/** A program without the symbols that debuggers read, which are some megabytes, where binutils are installed. */
async function copyStripped(from: string, to: string): Promise<void> {
  await run("strip", ["-o", to, from]).catch(() => copyFile(from, to));
}

/** Libraries by the names they are opened by, with their files here. */
async function libraries(): Promise<Map<string, string>> {
  const known = await knownLibraries();
  const found = new Map<string, string>();
  for (const name of [...NEEDED, ...ASKED_FOR]) {
    const path = known.get(name);
    if (path === undefined) {
      if (!NEEDED.includes(name)) continue;
      throw new Error(
        `pack: there is no ${name} here; install it (of Debian, libvulkan1 brings the Vulkan loader)`,
      );
    }
    found.set(name, await realpath(path));
    for (const needed of await neededBy(path)) found.set(basename(needed), await realpath(needed));
  }
  return found;
}

/** Files of the libraries that the dynamic linker knows on this machine, by name. */
async function knownLibraries(): Promise<Map<string, string>> {
  const path = [process.env.PATH, "/sbin", "/usr/sbin"].join(":");
  const { stdout } = await run("ldconfig", ["-p"], { env: { ...process.env, PATH: path } });
  const lines = stdout.matchAll(/^\t(\S+) \(.*x86-64.*\) => (\S+)$/gm);
  return new Map([...lines].map(([, name, file]) => [name, file]));
}

/** The libraries that one needs beyond the C library, and they in turn. */
async function neededBy(library: string): Promise<string[]> {
  const { stdout } = await run("ldd", [library]);
  const lines = stdout.matchAll(/^\t(\S+) => (\S+) \(0x/gm);
  return [...lines].filter(([, name]) => !SYSTEM.test(name)).map(([, , path]) => path);
}

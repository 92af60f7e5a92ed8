// Makes sure that this machine has what `npm run train` and `npm test` need and npm cannot bring:
//
//   node scripts/setup.mjs --for train   a WebGPU adapter (without one, training runs on the wasm engine)
//   node scripts/setup.mjs --for isa     also compilers for AMD's GPUs, which `npm run bench -- isa` uses
//   node scripts/setup.mjs --for test    a WebGPU adapter, a Chromium, and these compilers (without them, a test is skipped)
//
// On Linux, missing packages are installed if no password is needed;
// otherwise the commands to type are shown. All talk goes to stderr: stdout is the program's that runs next.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { findChromium, findCompilers, installPlan } from "./packages.mjs";

/** @typedef {import("./packages.mjs").Missing} Missing */
/** @typedef {import("./packages.mjs").Step} Step */
/** @typedef {import("./packages.mjs").PlanItem} PlanItem */

const PROBE_TIMEOUT_MS = 30_000;
const purpose = process.argv[process.argv.indexOf("--for") + 1];

if (purpose === "train" || purpose === "test" || purpose === "isa") {
  process.exitCode = setUp(purpose) ? 0 : 1;
} else {
  console.error("Usage: node scripts/setup.mjs --for train|test|isa");
  process.exitCode = 2;
}

/** Whether everything needed is there in the end. @param {"train" | "test" | "isa"} purpose */
function setUp(purpose) {
  const look = () => ({ adapter: probeAdapter(), chromium: findChromium(), ...findCompilers() });
  const wantsChromium = purpose === "test";
  // The compilers exist on Linux.
  const wantsCompilers = purpose === "isa" || (purpose === "test" && process.platform === "linux");

  let { adapter, chromium, assembler, radv } = look();
  const missing = {
    adapter: !adapter,
    chromium: wantsChromium && !chromium,
    assembler: wantsCompilers && !assembler,
    radv: wantsCompilers && !radv,
  };
  if (Object.values(missing).includes(true)) {
    provide(missing);
    ({ adapter, chromium, assembler, radv } = look());
  }
  const compilers = Boolean(assembler && radv);
  console.error(`WebGPU adapter: ${adapter ?? "none"}`);
  if (!adapter && purpose === "train") console.error("Training will run on the wasm engine.");
  if (wantsChromium && !chromium) {
    console.error("No Chromium: install one and put it on the PATH, or name it in CHROMIUM_PATH.");
  }
  if (wantsCompilers && !compilers)
    console.error("No compilers for AMD's GPUs: install SPIRV-Tools and RADV.");
  if (purpose === "train") return true;
  return Boolean(adapter && (purpose === "isa" ? compilers : chromium));
}

/** The name of the adapter that Node gets, or undefined. */
function probeAdapter() {
  const probe = fileURLToPath(new URL("probe.mjs", import.meta.url));
  const result = spawnSync(process.execPath, [probe], { encoding: "utf8", timeout: PROBE_TIMEOUT_MS });
  return result.status === 0 ? result.stdout.trim() : undefined;
}

/** @param {Missing} missing */
function provide(missing) {
  const names = [
    missing.adapter && "a WebGPU adapter",
    missing.chromium && "a Chromium",
    missing.assembler && "an assembler of SPIR-V",
    missing.radv && "Mesa's driver for AMD's GPUs",
  ].filter(Boolean);
  const wanted = names.join(" and ");
  const plan = process.platform === "linux" ? installPlan(missing) : undefined;
  if (!plan) {
    console.error(`This machine lacks ${wanted}. ${advice()}`);
    return;
  }
  const asRoot = rootPrefix();
  if (!asRoot) {
    console.error(`This machine lacks ${wanted}, and installing needs root. To install, type:\n`);
    console.error(`  sudo ${process.execPath} ${process.argv.slice(1).join(" ")}\n\nwhich runs:\n`);
    console.error(`${describe(plan)}\n`);
    return;
  }
  console.error(`Installing ${wanted}; this can take a few minutes.`);
  for (const item of plan) if (!runItem(item, asRoot)) return;
}

function advice() {
  if (process.platform === "linux")
    return "Install Mesa's Vulkan drivers (lavapipe, RADV), the Vulkan loader, SPIRV-Tools and Chromium.";
  return "WebGPU comes with the system here: update the graphics driver, and install Chrome for the browser tests.";
}

/** Prefix of a command that is to run as root; undefined where a password is needed. */
function rootPrefix() {
  if (process.getuid?.() === 0) return [];
  const allowed = spawnSync("sudo", ["-n", "true"], { stdio: "ignore" }).status === 0;
  return allowed ? ["sudo", "-n"] : undefined;
}

/** @param {PlanItem} item @param {string[]} asRoot @returns {boolean} */
function runItem(item, asRoot) {
  if ("command" in item) return runStep(item, asRoot) || Boolean(item.mayFail);
  const succeeded = item.anyOf.some((steps) => steps.every((step) => runStep(step, asRoot)));
  return succeeded || (runStep(item.otherwise, asRoot) && false);
}

/** Runs quietly, and shows errors. @param {Step} step @param {string[]} asRoot */
function runStep({ command, input, env }, asRoot) {
  const variables = Object.entries(env ?? {}).map(([name, value]) => `${name}=${value}`);
  const [program, ...args] = [...asRoot, "env", ...variables, ...command];
  const { status, stdout, stderr } = spawnSync(program, args, { input: input ?? "", encoding: "utf8" });
  if (status !== 0) console.error(`${command.join(" ")}\nfailed:\n${stderr || stdout}`);
  return status === 0;
}

/** @param {PlanItem[]} plan */
function describe(plan) {
  const steps = plan.flatMap((item) => ("command" in item ? [item] : (item.anyOf[0] ?? [])));
  return steps
    .map(({ command, input }) => `  ${command.join(" ")}${input ? ` <<'END'\n${input}END` : ""}`)
    .join("\n");
}

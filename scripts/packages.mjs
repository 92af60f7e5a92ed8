// What the system's package manager has to do for a software WebGPU adapter and for a Chromium:
// plans of plain commands, which setup.mjs then runs or shows.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";

/**
 * One thing to do as root.
 * @typedef {object} Step
 * @property {string[]} command
 * @property {string} [input] the command's standard input
 * @property {Record<string, string>} [env]
 * @property {boolean} [mayFail] the next step is worth trying even if this one fails
 */

/**
 * Steps of which all must succeed, or alternatives to be tried in order until one of them succeeds.
 * @typedef {Step | { anyOf: Step[][], otherwise: Step }} PlanItem
 */

const OUR_SOURCE = "/etc/apt/sources.list.d/wgrad-backports.sources";
const CHROMIUM_NAMES = ["chromium", "chromium-browser", "google-chrome"];
/** Where distributions put the files by which the Vulkan loader finds Mesa's driver for AMD's GPUs, RADV. */
const RADV_FOLDERS = ["/usr/share/vulkan/icd.d", "/usr/local/share/vulkan/icd.d", "/etc/vulkan/icd.d"];

/** The path of the program called `name`, or undefined. @param {string} name */
function onPath(name) {
  const folders = (process.env.PATH ?? "").split(delimiter).filter(Boolean);
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

/** The browser that the tests drive: $CHROMIUM_PATH, or the first Chromium on the PATH. */
export function findChromium() {
  return process.env.CHROMIUM_PATH || CHROMIUM_NAMES.map(onPath).find(Boolean);
}

/**
 * What `bench isa` compiles with, and undefined for what is missing: the assembler of SPIR-V, and the file by which the
 * Vulkan loader finds RADV.
 */
export function findCompilers() {
  const radv = RADV_FOLDERS.filter((folder) => existsSync(folder)).flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => /^radeon_icd\b.*\.json$/.test(name))
      .map((name) => join(folder, name)),
  )[0];
  return { assembler: onPath("spirv-as"), radv };
}

/**
 * What a machine lacks.
 * @typedef {object} Missing
 * @property {boolean} adapter a WebGPU adapter
 * @property {boolean} chromium
 * @property {boolean} assembler of SPIR-V
 * @property {boolean} radv Mesa's driver for AMD's GPUs
 */

/**
 * The plan that installs missing packages, or undefined where the user is needed.
 * @param {Missing} missing
 * @returns {PlanItem[] | undefined}
 */
export function installPlan(missing) {
  if (onPath("apt-get")) return aptPlan(missing, readOsRelease());
  if (onPath("dnf")) {
    const mesa = ["mesa-vulkan-drivers", "vulkan-loader"];
    return onePackageCommand(["dnf", "install", "-y", "-q"], missing, { adapter: mesa, radv: mesa });
  }
  if (onPath("pacman")) {
    return onePackageCommand(["pacman", "-S", "--needed", "--noconfirm"], missing, {
      adapter: ["vulkan-swrast", "vulkan-icd-loader"],
      radv: ["vulkan-radeon", "vulkan-icd-loader"],
    });
  }
  return undefined;
}

/**
 * @param {string[]} install
 * @param {Missing} missing
 * @param {{ adapter: string[], radv: string[] }} names of the packages
 */
function onePackageCommand(install, missing, { adapter, radv }) {
  const packages = [
    ...(missing.adapter ? adapter : []),
    ...(missing.radv ? radv : []),
    ...(missing.chromium ? ["chromium"] : []),
    ...(missing.assembler ? ["spirv-tools"] : []),
  ];
  return [{ command: [...install, ...new Set(packages)] }];
}

/** @returns {Record<string, string>} */
function readOsRelease() {
  if (!existsSync("/etc/os-release")) return {};
  const lines = readFileSync("/etc/os-release", "utf8").split("\n");
  return Object.fromEntries(
    lines.map((line) => [line.split("=")[0], line.replace(/^[^=]*=/, "").replace(/^"|"$/g, "")]),
  );
}

/**
 * @param {Missing} missing
 * @param {Record<string, string>} os
 * @returns {PlanItem[] | undefined}
 */
function aptPlan(missing, os) {
  // Ubuntu's chromium package only stands for a snap, which does not run in a container: a hint must do there.
  const chromium = missing.chromium && os.ID !== "ubuntu";
  // One package has all of Mesa's Vulkan drivers.
  const mesa = missing.adapter || missing.radv;
  if (!mesa && !chromium && !missing.assembler) return undefined;
  /** @type {PlanItem[]} */
  // A source of the user's that does not answer is no reason to stop: the packages may come from another.
  const plan = [{ ...apt("update"), mayFail: true }];
  if (mesa) {
    // Debian 12's own Mesa is too old for Dawn; the one in its backports suite is fine.
    const suite =
      os.ID === "debian" && os.VERSION_ID === "12" ? `${os.VERSION_CODENAME}-backports` : undefined;
    if (suite) plan.push(...addBackports(os.VERSION_CODENAME));
    const from = suite ? ["-t", suite] : [];
    plan.push(apt("install", "-y", "--no-install-recommends", ...from, "libvulkan1", "mesa-vulkan-drivers"));
  }
  const others = [...(chromium ? ["chromium"] : []), ...(missing.assembler ? ["spirv-tools"] : [])];
  if (others.length > 0) plan.push(apt("install", "-y", "--no-install-recommends", ...others));
  return plan;
}

/** @param {string[]} words @returns {Step} */
function apt(...words) {
  const quiet = ["-q", "-o", "DPkg::Lock::Timeout=300", "-o", "Dpkg::Use-Pty=0"];
  return { command: ["apt-get", ...quiet, ...words], env: { DEBIAN_FRONTEND: "noninteractive" } };
}

/**
 * Adds the backports suite next to the one the machine already uses, from the same servers. Sources
 * of third parties can carry the same suite name without having backports, so each candidate is
 * tried alone, and a file of ours that does not work does not stay.
 * @param {string} codename
 * @returns {PlanItem[]}
 */
function addBackports(codename) {
  const sources = aptSources();
  if (sources.some((fields) => suites(fields).includes(`${codename}-backports`))) return [];
  const onlyOurs = ["-o", `Dir::Etc::sourcelist=${OUR_SOURCE}`, "-o", "Dir::Etc::sourceparts=-"];
  const strict = ["-o", "APT::Get::List-Cleanup=0", "-o", "APT::Update::Error-Mode=any"];
  const anyOf = sources
    .filter((fields) => suites(fields).includes(codename))
    .map((fields) => [
      { command: ["tee", OUR_SOURCE], input: backportsOf(fields, codename) },
      apt("update", ...onlyOurs, ...strict),
    ]);
  return [{ anyOf, otherwise: { command: ["rm", "-f", OUR_SOURCE] } }];
}

/** @param {Map<string, string>} fields */
function suites(fields) {
  return (fields.get("Suites") ?? "").split(/\s+/);
}

/**
 * The text of a source like the given one, but for the backports suite.
 * @param {Map<string, string>} fields
 * @param {string} codename
 */
export function backportsOf(fields, codename) {
  const changed = new Map(fields).set("Types", "deb").set("Suites", `${codename}-backports`);
  return `# Written by wgrad's scripts/setup.mjs\n${[...changed].map(([name, value]) => `${name}: ${value}\n`).join("")}`;
}

/** The user's enabled sources of binary packages, both formats read alike. */
function aptSources() {
  const folder = "/etc/apt/sources.list.d";
  const files = existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
  return ["/etc/apt/sources.list", ...files]
    .filter((path) => path !== OUR_SOURCE && existsSync(path))
    .flatMap((path) => {
      if (path.endsWith(".sources")) return parseStanzas(readFileSync(path, "utf8"));
      return path.endsWith(".list") ? parseOneLine(readFileSync(path, "utf8")) : [];
    })
    .filter((fields) => /\bdeb\b(?!-)/.test(fields.get("Types") ?? "") && fields.get("Enabled") !== "no");
}

/**
 * The "deb822" format: stanzas of `Field: value`, a value going on over indented lines.
 * @param {string} text
 */
export function parseStanzas(text) {
  const withoutComments = text.replace(/^#.*\n?/gm, "");
  return withoutComments.split(/\n\s*\n/).map((stanza) => {
    const fields = stanza.matchAll(/^([\w-]+):[ \t]*(.*(?:\n[ \t].*)*)/gm);
    return new Map([...fields].map(([, name, value]) => [name, value.trimEnd()]));
  });
}

/**
 * The older format: `deb [option=value ...] uri suite component ...`, its options renamed as apt does.
 * @param {string} text
 */
export function parseOneLine(text) {
  const renamed = /** @type {Record<string, string>} */ ({
    arch: "Architectures",
    lang: "Languages",
    target: "Targets",
  });
  return [...text.matchAll(/^\s*deb\s+(?:\[(.*?)\]\s+)?(\S+)\s+(\S+)([^#\n]*)/gm)].map(
    ([, options = "", uri, suite, components]) => {
      const fields = new Map([
        ["Types", "deb"],
        ["URIs", uri],
        ["Suites", suite],
        ["Components", components.trim()],
      ]);
      for (const option of options.split(/\s+/).filter(Boolean)) {
        const [name, value] = option.split("=");
        const field = renamed[name] ?? name.replace(/(^|-)[a-z]/g, (start) => start.toUpperCase());
        fields.set(field, value.replaceAll(",", " "));
      }
      return fields;
    },
  );
}

// Takes the pictures of demo/screenshots: `npm run demo:screenshots`, or those of one device with `-- phone` or
// `-- desktop`. Builds the page, opens it in Chromium, and uses it as a person would. Where MNIST_DIR names a folder with
// MNIST's files, they stand in for the mirror.
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { build, preview } from "vite";
import { findChromium } from "./packages.mjs";

/** @typedef {import("playwright-core").Page} Page */

const path = (/** @type {string} */ relative) => fileURLToPath(new URL(relative, import.meta.url));
const CONFIG = path("../demo/page/vite.config.ts");
const PICTURES = path("../demo/screenshots");
const FLAGS = ["--no-sandbox", "--enable-unsafe-webgpu"];
/** @type {Record<string, { width: number, height: number }>} */
const DEVICES = { desktop: { width: 1280, height: 860 }, phone: { width: 390, height: 844 } };
const [wanted = ""] = process.argv.slice(2);
if (!["", ...Object.keys(DEVICES)].includes(wanted)) {
  const help = wanted === "--help" || wanted === "-h";
  (help ? console.log : console.error)(`npm run demo:screenshots -- [${Object.keys(DEVICES).join(" | ")}]`);
  process.exit(help ? 0 : 2);
}
const SECONDS = 1000;
const MINUTES = 60 * SECONDS;

const outDir = mkdtempSync(join(tmpdir(), "wgrad-page-"));
await build({ configFile: CONFIG, logLevel: "warn", build: { outDir, emptyOutDir: true } });
const server = await preview({
  configFile: CONFIG,
  build: { outDir },
  preview: { port: 0, host: "127.0.0.1" },
});
const [address] = server.resolvedUrls?.local ?? [];
const browser = await launch();
mkdirSync(PICTURES, { recursive: true });
try {
  for (const [device, viewport] of Object.entries(DEVICES).filter(([name]) => name.includes(wanted))) {
    for (const scheme of /** @type {const} */ (["light", "dark"])) {
      const page = await open(viewport, scheme);
      const picture = (/** @type {string} */ name) => `${name}-${device}-${scheme}.png`;
      await train(page);
      await take(page, picture("train"), { whole: device === "desktop" });
      await draw(page);
      await take(page, picture("draw"));
      await inside(page);
      await take(page, picture("inside"), { from: page.getByText("The step in numbers") });
      await experiment(page);
      await take(page, picture("experiments"));
      await compare(page);
      await take(page, picture("compare"), {
        from: page.getByRole("region", { name: "Time of a training step" }),
      });
      await page.close();
    }
  }
} finally {
  await browser.close();
  await server.close();
  rmSync(outDir, { recursive: true, force: true });
}

/** With the machine's GPU, or the software adapter that comes with Chromium. */
async function launch() {
  const executablePath = findChromium();
  if (!executablePath) throw new Error("there is no Chromium: run `node scripts/setup.mjs --for test`");
  for (const adapter of ["--enable-features=Vulkan", "--use-webgpu-adapter=swiftshader"]) {
    const browser = await chromium.launch({ executablePath, args: [...FLAGS, adapter] });
    const page = await browser.newPage();
    await page.goto(address);
    const found = await page.evaluate(async () => Boolean(await navigator.gpu?.requestAdapter()));
    await page.close();
    if (found) return browser;
    await browser.close();
  }
  throw new Error("this Chromium has no WebGPU adapter");
}

/** @param {{ width: number, height: number }} viewport @param {"light" | "dark"} colorScheme */
async function open(viewport, colorScheme) {
  const page = await browser.newPage({
    viewport,
    colorScheme,
    deviceScaleFactor: viewport.width < 500 ? 2 : 1,
  });
  page.setDefaultTimeout(2 * MINUTES);
  const folder = process.env.MNIST_DIR;
  if (folder) {
    await page.route(/^https:.*ubyte\.gz$/, (route) => {
      const body = readFileSync(join(folder, basename(new URL(route.request().url()).pathname)));
      return route.fulfill({ body, headers: { "access-control-allow-origin": "*" } });
    });
  }
  // As on a GPU: where that is software, the page might compute by WebAssembly.
  await page.goto(`${address}?engine=gpu#/train`);
  await page.getByText(/^GPU: /).waitFor();
  return page;
}

/**
 * @param {Page} page @param {string} name
 * @param {{ whole?: boolean, from?: import("playwright-core").Locator }} [how] the page in full, however long; or on a
 *   phone, what lies so far down
 */
async function take(page, name, { whole = false, from } = {}) {
  const phone = (page.viewportSize()?.width ?? 0) < 500;
  if (from && phone) await from.evaluate((element) => element.scrollIntoView());
  else await page.evaluate(() => window.scrollTo(0, 0));
  await page.mouse.move(0, 0);
  await page.waitForTimeout(0.5 * SECONDS);
  await page.screenshot({ path: join(PICTURES, name), fullPage: whole });
  console.log(`demo/screenshots/${name}`);
}

/** @param {Page} page @param {string} name */
function view(page, name) {
  return page.getByRole("link", { name, exact: true }).click();
}

/** @param {Page} page @param {string} name */
function press(page, name) {
  return page.getByRole("button", { name, exact: true }).click();
}

/** Two epochs, then a pause. @param {Page} page */
async function train(page) {
  await press(page, "Start");
  await page.getByText(/^3 of 10$/).waitFor();
  await press(page, "Pause");
  await page.getByRole("button", { name: "Go on", exact: true }).waitFor();
}

/** A three. @param {Page} page */
async function draw(page) {
  await view(page, "Draw");
  const pad = await page.locator(".draw-pad").boundingBox();
  if (!pad) throw new Error("there is no pad");
  const places = Array.from({ length: 41 }, (_, i) => {
    const lower = i > 20;
    const angle = Math.PI * (lower ? -0.5 + ((i - 20) / 20) * 1.35 : -0.9 + (i / 20) * 1.4);
    const [x, y, radius] = lower ? [0.48, 0.66, 0.2] : [0.48, 0.31, 0.16];
    return [
      pad.x + pad.width * (x + radius * Math.cos(angle)),
      pad.y + pad.height * (y + radius * Math.sin(angle)),
    ];
  });
  await page.mouse.move(places[0][0], places[0][1]);
  await page.mouse.down();
  for (const [x, y] of places) await page.mouse.move(x, y);
  await page.mouse.up();
  await page.locator(".draw-guess b").waitFor();
}

/** The step with the times of its launches. @param {Page} page */
async function inside(page) {
  await view(page, "Look inside");
  await page.getByText(/Press Measure/).waitFor();
  await press(page, "Measure");
  await page.getByText(/Each launch timed in/).waitFor();
}

/** The race, to its end. @param {Page} page */
async function experiment(page) {
  await view(page, "Experiments");
  await page.getByRole("link", { name: "The race of optimizers" }).click();
  await page.getByLabel("Surface", { exact: true }).selectOption("himmelblau");
  await press(page, "Start");
  await page.getByRole("button", { name: "Start again", exact: true }).waitFor();
}

/** The cases that are chosen at first. @param {Page} page */
async function compare(page) {
  await view(page, "Compare");
  await press(page, "Compare");
  await page.getByText(/cases are measured\.$/).waitFor();
}

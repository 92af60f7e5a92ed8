/** The Chromium that tests drive, without a window, with WebGPU on SwiftShader, and silent on the network. */
import { type BrowserContext, chromium } from "playwright-core";
import { findChromium } from "../../scripts/packages.mjs";

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--enable-unsafe-webgpu",
  "--use-webgpu-adapter=swiftshader",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/**
 * Starts it with a profile in the empty folder `profile`.
 * @throws Error where there is no Chromium, or it does not start, saying what to do
 */
export async function launchChromium(profile: string): Promise<BrowserContext> {
  const executablePath = findChromium();
  if (!executablePath) {
    throw new Error(
      "There is no Chromium to test in: run `node scripts/setup.mjs --for test`, or install one and put it on the PATH, or name it in CHROMIUM_PATH",
    );
  }
  try {
    return await chromium.launchPersistentContext(profile, { executablePath, headless: true, args: FLAGS });
  } catch (cause) {
    throw new Error(`${executablePath} does not start; name another Chromium in CHROMIUM_PATH: ${cause}`, {
      cause,
    });
  }
}

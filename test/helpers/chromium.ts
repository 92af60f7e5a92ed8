/** The Chromium that tests drive, without a window, with WebGPU on SwiftShader, and silent on the network. */
import { type BrowserContext, chromium } from "playwright-core";
import { findChromium } from "../../scripts/packages.mjs";

const WEBGPU_FLAGS = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

interface ChromiumOptions {
  /** Without it, no adapter is found (default true). */
  readonly webgpu?: boolean;
}

/**
 * Starts it with a profile in the empty folder `profile`.
 * @throws Error where there is no Chromium, or it does not start, saying what to do
 */
export async function launchChromium(
  profile: string,
  { webgpu = true }: ChromiumOptions = {},
): Promise<BrowserContext> {
  const executablePath = findChromium();
  if (!executablePath) {
    throw new Error(
      "There is no Chromium to test in: run `node scripts/setup.mjs --for test`, or install one and put it on the PATH, or name it in CHROMIUM_PATH",
    );
  }
  const args = webgpu ? [...FLAGS, ...WEBGPU_FLAGS] : FLAGS;
  try {
    return await chromium.launchPersistentContext(profile, { executablePath, headless: true, args });
  } catch (cause) {
    throw new Error(`${executablePath} does not start; name another Chromium in CHROMIUM_PATH: ${cause}`, {
      cause,
    });
  }
}

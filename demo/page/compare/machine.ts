/** The origin of the numbers: adapter, browser and machine. */
import { signal } from "@preact/signals";
import { version } from "../../../package.json";
import { openService } from "../services.ts";
import type { AdapterReport } from "./service.ts";

/** `none` says why there is no adapter. */
type AdapterAnswer = AdapterReport | { readonly none: string };

/** Undefined until a worker has asked. */
export const adapter = signal<AdapterAnswer | undefined>(undefined);

export async function askForAdapter(): Promise<void> {
  if (adapter.value) return;
  try {
    const { service, close } = await openService("compare");
    try {
      adapter.value = await service.adapter();
    } finally {
      close();
    }
  } catch (error) {
    adapter.value = { none: (error as Error).message };
  }
}

/** The browser's name and version, where the browser gives them. */
interface Agent {
  readonly userAgent: string;
  readonly userAgentData?: {
    readonly brands: readonly { readonly brand: string; readonly version: string }[];
    readonly platform: string;
  };
}

/** "Chrome 140 on Linux" */
export function browserName({ userAgent, userAgentData }: Agent): string {
  // One brand is made up, so that nobody relies on the list; other browsers are made of Chromium.
  const brands = (userAgentData?.brands ?? []).filter(({ brand }) => !/not.*brand/i.test(brand));
  const brand = brands.find(({ brand }) => brand !== "Chromium") ?? brands[0];
  const name = brand ? `${brand.brand} ${brand.version}` : nameIn(userAgent);
  return `${name} on ${userAgentData?.platform || platformIn(userAgent)}`;
}

/** In the order in which one counts: all but the first call themselves by the names of others, too. */
const AGENTS = [
  [/Firefox\/(\d+)/, "Firefox"],
  [/Edg\/(\d+)/, "Edge"],
  [/OPR\/(\d+)/, "Opera"],
  [/Chrome\/(\d+)/, "Chrome"],
  [/Version\/([\d.]+).*Safari/, "Safari"],
] as const;

function nameIn(userAgent: string): string {
  for (const [pattern, name] of AGENTS) {
    const found = pattern.exec(userAgent);
    if (found) return `${name} ${found[1]}`;
  }
  return "an unknown browser";
}

const PLATFORMS = [
  [/Android/, "Android"],
  [/iPhone|iPad/, "iOS"],
  [/Windows/, "Windows"],
  [/Mac OS X|Macintosh/, "macOS"],
  [/CrOS/, "ChromeOS"],
  [/Linux/, "Linux"],
] as const;

function platformIn(userAgent: string): string {
  return PLATFORMS.find(([pattern]) => pattern.test(userAgent))?.[1] ?? "an unknown system";
}

interface Machine {
  readonly browser: string;
  /** As the browser says: some round it. */
  readonly cores: number;
  readonly wgrad: string;
}

export function thisMachine(): Machine {
  return { browser: browserName(navigator), cores: navigator.hardwareConcurrency, wgrad: version };
}

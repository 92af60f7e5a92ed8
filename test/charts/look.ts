/** What a browser makes of charts: where everything is that is written or drawn. */
import type { BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, expect } from "vitest";
import { launchChromium } from "../helpers/chromium.ts";
import { useTemporaryFolder } from "../helpers/programs.ts";

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Look {
  readonly error: string | undefined;
  readonly size: Box;
  readonly texts: readonly (Box & { readonly text: string; readonly fontSize: number })[];
  readonly shapes: readonly (Box & {
    readonly fill: string;
    readonly stroke: string;
    readonly dashes: string;
  })[];
  /** With the pixels of each, as the browser decodes them: RGBA. */
  readonly images: readonly (Box & { readonly naturalWidth: number; readonly pixels: readonly number[] })[];
}

/** Opens a browser before a file's tests, and closes it after them. */
export function useBrowser(): { look(svg: string): Promise<Look> } {
  const folder = useTemporaryFolder();
  let browser: BrowserContext;
  let page: Page;
  beforeAll(async () => {
    browser = await launchChromium(folder.path);
    page = await browser.newPage();
  });
  afterAll(() => browser?.close());
  return { look: (svg) => look(page, svg) };
}

async function look(page: Page, svg: string): Promise<Look> {
  await page.setContent("<body style='margin:0'></body>");
  return page.evaluate(async (source) => {
    const parsed = new DOMParser().parseFromString(source, "image/svg+xml");
    const error = parsed.querySelector("parsererror")?.textContent ?? undefined;
    document.body.append(document.importNode(parsed.documentElement, true));
    const box = (element: Element) => {
      const { x, y, width, height } = element.getBoundingClientRect();
      return { x, y, width, height };
    };
    const all = (selector: string) => [...document.querySelectorAll(selector)];
    const decoded = async (element: Element) => {
      const image = new Image();
      image.src = element.getAttribute("href") ?? "";
      await image.decode();
      const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
      const context = canvas.getContext("2d") as OffscreenCanvasRenderingContext2D;
      context.drawImage(image, 0, 0);
      const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
      return { ...box(element), naturalWidth: image.naturalWidth, pixels: [...data] };
    };
    return {
      error,
      size: box(all("svg")[0]),
      texts: all("svg text").map((element) => ({
        ...box(element),
        text: element.textContent ?? "",
        fontSize: Number.parseFloat(getComputedStyle(element).fontSize),
      })),
      shapes: all("svg path, svg rect, svg polyline, svg line").map((element) => ({
        ...box(element),
        fill: element.getAttribute("fill") ?? "",
        stroke: element.getAttribute("stroke") ?? "",
        dashes: element.getAttribute("stroke-dasharray") ?? "",
      })),
      images: await Promise.all(all("svg image").map(decoded)),
    };
  }, svg);
}

/** Everything that is written is large enough, lies on the picture, and on nothing else that is written. */
export function expectLegible({ error, size, texts }: Look): void {
  expect(error).toBeUndefined();
  expect(texts.length).toBeGreaterThan(0);
  for (const { text, x, y, width, height, fontSize } of texts) {
    const inside = x >= 0 && y >= 0 && x + width <= size.width && y + height <= size.height;
    expect(inside, `"${text}" lies outside`).toBe(true);
    expect(fontSize, `"${text}"`).toBeGreaterThanOrEqual(12);
  }
  const overlap = (a: Box, b: Box) =>
    a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height - 2 && b.y < a.y + a.height - 2;
  const pairs = texts.flatMap((a, i) => texts.slice(i + 1).map((b) => [a, b] as const));
  expect(pairs.filter(([a, b]) => overlap(a, b)).map(([a, b]) => `${a.text} | ${b.text}`)).toEqual([]);
}

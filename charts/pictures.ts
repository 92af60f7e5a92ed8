/** Rows of small pictures with captions: contact sheets. */
import { checkPictures } from "./check.ts";
import { pngUrl } from "./png.ts";
import type { Picture, PicturesSpec } from "./spec.ts";
import { CHARACTER_WIDTH, FAINT_INK, FONT, INK, ORIGIN, PAPER, TITLE } from "./style.ts";
import { escaped } from "./svg.ts";

const MARGIN = 20;
const GAP = 8;
const TEXT_SIZE = 12;
const LINE = 18;
/** The baseline of the title's letters, and of the first line of the origin, from the top. */
const TITLE_BASELINE = TITLE.top + TITLE.size;
const ORIGIN_BASELINE = TITLE_BASELINE + 20;

/** The layout, in pixels. */
interface Sheet {
  readonly size: number;
  /** Left edge of the first picture, to the right of the rows' labels. */
  readonly left: number;
  readonly top: number;
  /** Distance from one picture to the next. */
  readonly across: number;
}

/**
 * Draws pictures in rows, each pixel a square. `origin` says where they come from, a line or more.
 * @returns an SVG document
 * @throws RangeError where there is nothing to draw, or a picture has not as many bytes as its size says
 */
export function drawPictures(spec: Omit<PicturesSpec, "kind">, origin: string): string {
  checkPictures(spec);
  const { title, rows, columns = [], size = 84 } = spec;
  const originLines = origin === "" ? [] : origin.split("\n");
  const across = Math.max(size, longest([...captionsOf(spec), ...columns]) * CHARACTER_WIDTH) + GAP;
  const top = ORIGIN_BASELINE + originLines.length * ORIGIN.lineHeight + (columns.length > 0 ? LINE : 0);
  const labels = longest(rows.map(({ label }) => label)) * CHARACTER_WIDTH;
  const sheet: Sheet = { size, left: MARGIN + (labels > 0 ? labels + 2 * GAP : 0), top, across };

  const drawn: string[] = [
    text(title, TITLE.left, TITLE_BASELINE, { size: TITLE.size, bold: true }),
    ...originLines.map((line, i) =>
      text(line, TITLE.left, ORIGIN_BASELINE + i * ORIGIN.lineHeight, { colour: FAINT_INK }),
    ),
    ...columns.map((name, i) => text(name, centre(sheet, i), top - GAP, { anchor: "middle" })),
  ];
  let y = top;
  for (const { label, pictures } of rows) {
    const height = Math.max(...pictures.map((picture) => extent(picture, size).height), 0);
    drawn.push(text(label, MARGIN, y + height / 2 + 4));
    pictures.forEach((picture, i) => {
      drawn.push(...drawPicture(picture, sheet, i, y));
    });
    y += height + GAP + (pictures.some(({ caption }) => caption !== undefined) ? LINE : 0);
  }
  const most = Math.max(...rows.map(({ pictures }) => pictures.length), columns.length);
  const lineWidth = longest(originLines) * CHARACTER_WIDTH;
  const width =
    Math.max(sheet.left + most * across - GAP, lineWidth + MARGIN, title.length * 10 + MARGIN) + MARGIN;
  return document(title, Math.ceil(width), Math.ceil(y + MARGIN - GAP), drawn);
}

function document(title: string, width: number, height: number, drawn: readonly string[]): string {
  return [
    `<svg role="img" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" xmlns="http://www.w3.org/2000/svg" font-family="${FONT}">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${width}" height="${height}" fill="${PAPER}"/>`,
    ...drawn,
    "</svg>",
  ].join("\n");
}

function drawPicture(picture: Picture, sheet: Sheet, column: number, y: number): string[] {
  const { pixels, width, height, channels, caption } = picture;
  const shown = extent(picture, sheet.size);
  const x = centre(sheet, column) - shown.width / 2;
  const place = `x="${round(x)}" y="${round(y)}" width="${round(shown.width)}" height="${round(shown.height)}"`;
  return [
    `<image ${place} preserveAspectRatio="none" style="image-rendering:pixelated" href="${pngUrl(pixels, width, height, channels)}"/>`,
    ...(caption === undefined
      ? []
      : [text(caption, centre(sheet, column), y + shown.height + LINE - 4, { anchor: "middle" })]),
  ];
}

/** Drawn size of a picture, whose longer side takes `size`. */
function extent({ width, height }: Picture, size: number): { width: number; height: number } {
  const scale = size / Math.max(width, height);
  return { width: width * scale, height: height * scale };
}

function centre({ left, across, size }: Sheet, column: number): number {
  const width = across - GAP;
  return left + column * across + Math.max(width, size) / 2;
}

interface TextStyle {
  readonly size?: number;
  readonly bold?: boolean;
  readonly colour?: string;
  readonly anchor?: "start" | "middle";
}

function text(content: string, x: number, y: number, style: TextStyle = {}): string {
  const { size = TEXT_SIZE, bold = false, colour = INK, anchor = "start" } = style;
  const weight = bold ? ' font-weight="bold"' : "";
  return `<text x="${round(x)}" y="${round(y)}" font-size="${size}"${weight} fill="${colour}" text-anchor="${anchor}">${escaped(content)}</text>`;
}

function captionsOf({ rows }: Omit<PicturesSpec, "kind">): string[] {
  return rows.flatMap(({ pictures }) => pictures.map(({ caption = "" }) => caption));
}

function longest(texts: readonly string[]): number {
  return Math.max(0, ...texts.map(({ length }) => length));
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

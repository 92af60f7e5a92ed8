/** Files that follow each other under one pattern, such as "run-{epoch}.safetensors". */
import type { FileStorage } from "./storage.ts";

/** Numbers of a file of a series. */
export interface SeriesNumbers {
  readonly epoch: number;
  readonly step: number;
}

const PLACEHOLDER = /\{(epoch|step)\}/;

/** Whether a path has a number in its last part. */
export function isSeries(path: string): boolean {
  return PLACEHOLDER.test(split(path).name);
}

/** The path of the file with these numbers. */
export function pathOf(series: string, numbers: SeriesNumbers): string {
  return replaced(series, (key) => String(numbers[key as keyof SeriesNumbers]));
}

/** The path beside a series, or beside a file, with a word in place of the numbers. */
export function pathBeside(path: string, word: string): string {
  if (isSeries(path)) return replaced(path, () => word);
  const { folder, name } = split(path);
  const dot = name.lastIndexOf(".");
  const stem = dot > 0 ? name.slice(0, dot) : name;
  return `${folder}${stem}.${word}${name.slice(stem.length)}`;
}

function replaced(series: string, by: (key: string) => string): string {
  const { folder, name } = split(series);
  return folder + name.replace(new RegExp(PLACEHOLDER, "g"), (_, key: string) => by(key));
}

/** "runs/run.safetensors" → "runs/" and "run.safetensors". */
function split(path: string): { folder: string; name: string } {
  const at = Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1;
  return { folder: path.slice(0, at), name: path.slice(at) };
}

/**
 * The files of a series or a folder, the newest first: by the time that each says it was written at, or else by that of
 * the file. Undefined where the path is neither a series nor a folder.
 */
export async function filesOf(storage: FileStorage, path: string): Promise<string[] | undefined> {
  const series = isSeries(path);
  const place = series ? split(path) : { folder: path.replace(/[/\\]*$/, "/"), name: "" };
  const files = await storage.list(place.folder).catch((error) => {
    if (series) throw error;
    // Perhaps a single file, which may be read.
    return undefined;
  });
  if (!files) return series ? [] : undefined;
  const escaped = place.name.replace(/[.*+?^$()|[\]\\]/g, "\\$&");
  const pattern = series
    ? new RegExp(`^${escaped.replace(new RegExp(PLACEHOLDER, "g"), "(\\d+)")}$`)
    : /\.safetensors$/;
  const found = files.filter(({ name }) => pattern.test(name));
  const timed = await Promise.all(
    found.map(async ({ name, modified }) => {
      const file = `${place.folder}${name}`;
      const written = await writtenAt(storage, file).catch(() => undefined);
      return { file, time: written ?? modified, numbers: pattern.exec(name)?.slice(1) ?? [] };
    }),
  );
  return timed.sort((a, b) => b.time - a.time || later(b.numbers, a.numbers)).map(({ file }) => file);
}

function later(a: readonly string[], b: readonly string[]): number {
  return a.map((number, i) => Number(number) - Number(b[i])).find((difference) => difference !== 0) ?? 0;
}

const LENGTH_BYTES = 8;
/** Limit of a header's bytes; larger ones are no checkpoint's. */
const MOST_HEADER_BYTES = 100_000_000;

/** The time that a checkpoint says it was written at; undefined where it says none. */
async function writtenAt(storage: FileStorage, file: string): Promise<number | undefined> {
  const start = await storage.read(file, LENGTH_BYTES);
  const length = new DataView(start.buffer, start.byteOffset, start.length).getBigUint64(0, true);
  if (length > MOST_HEADER_BYTES) return undefined;
  const header = (await storage.read(file, LENGTH_BYTES + Number(length))).subarray(LENGTH_BYTES);
  const { __metadata__ } = JSON.parse(new TextDecoder().decode(header));
  const { written } = JSON.parse(__metadata__["wgrad.checkpoint"]);
  return typeof written === "number" ? written : undefined;
}

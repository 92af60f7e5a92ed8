/** Examples of documents, run and checked as files of the repository. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, posix, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { installed, ROOT, runNode } from "./programs.ts";

/** The blocks of a page in that language, in order; with a heading, those of its section. */
export function blocksOf(page: string, language: string, heading?: string): string[] {
  const at = heading === undefined ? 0 : page.search(new RegExp(`^#+ ${heading}`, "m"));
  if (at < 0) throw new Error(`the page has no heading that begins with "${heading}"`);
  const section = heading === undefined ? page : page.slice(at).split(/^## /m)[1];
  return [...section.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)\n\`\`\`$`, "gms"))].map(
    ([, code]) => code,
  );
}

/**
 * Files of examples, by name, or by the path that they would have in the repository, whose files they may then import. They lie
 * inside of it, so that what is installed there is found.
 */
export class Examples {
  private constructor(
    readonly folder: string,
    readonly names: readonly string[],
  ) {}

  static async write(files: Readonly<Record<string, string>>): Promise<Examples> {
    await mkdir(join(ROOT, ".cache"), { recursive: true });
    const folder = await mkdtemp(join(ROOT, ".cache", "examples-"));
    for (const [name, code] of Object.entries(files)) {
      const place = dirname(join(folder, name));
      await mkdir(place, { recursive: true });
      const imports = code.replace(/ from "(\.[^"]+)"/g, (whole, specifier: string) => {
        const path = posix.join(posix.dirname(name), specifier);
        return path.replace("?raw", "") in files ? whole : ` from "${relative(place, join(ROOT, path))}"`;
      });
      await writeFile(join(folder, name), imports);
    }
    return new Examples(folder, Object.keys(files));
  }

  // biome-ignore lint/suspicious/noExplicitAny: what an example exports, its own test knows
  load(name: string): Promise<any> {
    return import(/* @vite-ignore */ pathToFileURL(join(this.folder, name)).href);
  }

  /** @throws Error with what the compiler says of them */
  async checkTypes(): Promise<void> {
    const config = join(this.folder, "tsconfig.json");
    const include = [...this.names, join(ROOT, "src/wgsl.d.ts")];
    await writeFile(config, JSON.stringify({ extends: join(ROOT, "tsconfig.json"), include }));
    await runNode([installed("typescript/bin/tsc"), "-p", config], { timeoutMs: 60_000 });
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }
}

export function readPage(path: string): Promise<string> {
  return readFile(join(ROOT, path), "utf8");
}

/** JSON from outside: it may be nested without end, and name a field twice. */

/** Deeper than what any file of the library holds; a walk down such a value may use the stack. */
const DEEPEST = 100;

/**
 * Parses a text.
 * @throws Error whose message says what the text is or does: "is no valid JSON: …", "is nested deeper …", or "names …
 *   twice", which `JSON.parse` alone would accept
 */
export function parseJson(text: string): unknown {
  if (isDeep(text)) throw new Error(`is nested deeper than ${DEEPEST} levels`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new Error(`is no valid JSON: ${(cause as Error).message}`, { cause });
  }
  const repeated = repeatedKey(text);
  if (repeated !== undefined) throw new Error(`names ${brief(repeated)} twice`);
  return value;
}

/** Most letters of a text or a value that a message shows. */
const MOST_SHOWN = 80;

/** A value of JSON for messages, shortened where long. */
export function brief(value: unknown): string {
  const text = JSON.stringify(value) ?? "undefined";
  return text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}…` : text;
}

/** Whether brackets outside of strings are open beyond the limit. */
function isDeep(text: string): boolean {
  let open = 0;
  for (let at = 0; at < text.length; at++) {
    const letter = text[at];
    if (letter === '"') at = stringEnd(text, at) - 1;
    else if (letter === "{" || letter === "[") open++;
    else if (letter === "}" || letter === "]") open--;
    if (open > DEEPEST) return true;
  }
  return false;
}

/** The first key that an object of the text holds twice. The text is valid JSON. */
function repeatedKey(text: string): string | undefined {
  const open: Set<string>[] = [];
  for (let at = 0; at < text.length; at++) {
    if (text[at] === "{") open.push(new Set());
    else if (text[at] === "}") open.pop();
    else if (text[at] === '"') {
      const end = stringEnd(text, at);
      const keys = open.at(-1);
      if (keys !== undefined && isBeforeColon(text, end)) {
        const key = JSON.parse(text.slice(at, end)) as string;
        if (keys.has(key)) return key;
        keys.add(key);
      }
      at = end - 1;
    }
  }
  return undefined;
}

/** Position after the string that opens at `start`. */
function stringEnd(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at + 1;
}

function isBeforeColon(text: string, start: number): boolean {
  let at = start;
  while (/\s/.test(text[at] ?? "")) at++;
  return text[at] === ":";
}

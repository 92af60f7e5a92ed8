/** Texts from files, shortened for messages. */

/** Number of names listed in a message; below, the number of characters shown of a text. */
const MOST_LISTED = 12;
const MOST_SHOWN = 40;

/** `"text"`, shortened where long. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}…` : text);
}

export function listed(names: readonly string[]): string {
  const first = names.slice(0, MOST_LISTED).map(quoted);
  if (names.length > MOST_LISTED) first.push(`… (${names.length} in all)`);
  return first.join(", ");
}

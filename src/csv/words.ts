/** Texts out of files as messages show them. */

/** So many names are listed in a message, and so many characters shown of a text. */
const MOST_LISTED = 12;
const MOST_SHOWN = 40;

/** `"text"`, cut where it is long. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}…` : text);
}

export function listed(names: readonly string[]): string {
  const first = names.slice(0, MOST_LISTED).map(quoted);
  if (names.length > MOST_LISTED) first.push(`… (${names.length} in all)`);
  return first.join(", ");
}

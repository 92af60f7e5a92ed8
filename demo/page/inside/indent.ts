/** Indentation, which the built library leaves out of its shaders. */

/** The lines of a shader, with two spaces for each bracket that is open. Nothing else changes. */
export function indented(code: string): string[] {
  let depth = 0;
  return code
    .trim()
    .split("\n")
    .map((line) => {
      const text = line.trim();
      const closing = /^[})\]]+/.exec(text)?.[0].length ?? 0;
      const indent = Math.max(0, depth - closing);
      depth += (text.match(/[{([]/g)?.length ?? 0) - (text.match(/[})\]]/g)?.length ?? 0);
      return text && `${"  ".repeat(indent)}${text}`;
    });
}

/** SVG as text. */

/** Text as it may stand inside of an element, or between quotes. */
export function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}

/**
 * ECharts' SVG without what only answers a mouse, and with a title for those who hear it. The same chart is the same
 * text each time.
 */
export function asPicture(svg: string, title: string): string {
  const heard = title.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return (
    svg
      .replace(/<style.*?<\/style>\s*/gs, "")
      .replace(/ (?:class|pointer-events|ecmeta_\w+)="[^"]*"/g, "")
      .replace(/\bzr\d+-/g, "")
      // A field fills its place, whatever the shape of its pixels.
      .replaceAll("<image ", '<image preserveAspectRatio="none" ')
      .replace(/^<svg ([^>]*)>/, (_, attributes) => `<svg role="img" ${attributes}>\n<title>${heard}</title>`)
  );
}

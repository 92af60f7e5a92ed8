/** The style of charts: colours, letters, and the space around a diagram. */

/** Told apart by people who see few colours, too (after Okabe and Ito). */
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#332288", "#666666"];
export const SYMBOLS = ["circle", "rect", "triangle", "diamond", "emptyCircle", "emptyRect"];
export const INK = "#222222";
export const FAINT_INK = "#555555";
export const GRID_LINE = "#dddddd";
/** A picture of its own: on a dark page, too, ink needs paper. */
export const PAPER = "#ffffff";
export const FONT = "system-ui, 'Segoe UI', 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif";

export const WIDTH = 960;
export const HEIGHT = 560;
/** Space beside the diagram, in pixels: for title and origin, for the value axis, and for the end of a label. */
export const TOP = 100;
export const LEFT = 78;
export const RIGHT = 40;

/** Width of letters of 12 pixels, rather too large than too small. */
export const CHARACTER_WIDTH = 7;

export const TITLE = { left: 20, top: 14, size: 17 };
export const ORIGIN = { size: 12, lineHeight: 16 };
export const LABEL = { fontSize: 12, color: INK };
export const AXIS_NAME = { fontSize: 13, color: INK };
export const AXIS_LINE = { show: true, lineStyle: { color: INK } };

export function colourOf(series: number): string {
  return COLOURS[series % COLOURS.length];
}

/**
 * Forms of the ten digits: each digit has several (allographs), each of one or more pen strokes.
 *
 * A stroke is a list of points "x,y" that the pen passes, in hundredths of the digit's height, x to the right and y
 * down. The curve through them is smooth except at a point marked "!", where the pen turns sharply.
 */

/** A point of a stroke: where the pen passes, and whether it turns sharply there. */
export interface PenPoint {
  readonly x: number;
  readonly y: number;
  readonly corner: boolean;
}

/** One form of a digit. */
export interface Glyph {
  readonly strokes: readonly (readonly PenPoint[])[];
}

/** Forms of each digit. */
const FORMS: readonly (readonly (readonly string[])[])[] = [
  [
    ["50,4 22,17 12,50 22,85 50,97 78,84 88,50 78,17 52,5"], // round, from the top
    ["62,5 36,13 23,50 33,90 53,96 72,72 77,35 60,5"], // narrow
    ["68,12 45,3 20,24 12,58 28,91 58,96 84,70 86,32 68,8 46,10"], // the ends overlap
    ["40,10 20,35 18,70 40,96 70,88 84,55 76,20 52,6 34,16"], // from the left
  ],
  [
    ["50,3 50,50 50,97"], // a bar
    ["54,3 51,50 48,97"],
    ["28,25 52,4! 51,50 52,97"], // with a flag
    ["30,24 52,4! 52,50 52,96", "28,96 76,96"], // with flag and base
  ],
  [
    ["15,25 32,6 60,5 78,22 70,47 42,72 14,94! 50,94 86,94"], // flat base
    ["18,22 40,5 70,10 76,35 55,65 24,90 13,82 30,74 58,88 88,93"], // with a loop
    ["16,20 45,3 76,20 64,52 20,94! 50,90 84,97"], // wavy base
    ["22,28 34,8 62,6 74,26 58,58 18,92! 40,84 62,94 90,86"], // the base swings up
  ],
  [
    ["16,14 45,3 76,18 68,40 42,48! 74,54 82,76 55,97 14,86"], // two bowls
    ["18,16 48,4 74,22 62,42 44,49 60,50 78,64 74,86 46,97 14,84"], // a soft waist
    ["16,6 78,6! 44,42! 76,52 80,78 50,97 14,86"], // a flat top
    ["20,12 52,4 70,22 56,40 40,46 48,40 72,56 78,78 48,96 16,92"], // with a knot
  ],
  [
    ["26,6 16,54! 50,53 86,50", "66,10 64,50 62,97"], // open
    ["62,4! 12,66! 50,66 90,66", "64,4 64,50 64,97"], // closed
    ["22,8 20,45 36,56 72,46", "78,6 70,50 64,97"], // open and round
    ["66,97 66,50 66,4! 12,64! 50,64 92,64"], // closed, in one stroke
    ["26,6 16,52! 84,48! 78,10! 70,50 64,97"], // open, in one stroke
  ],
  [
    ["28,8 24,44! 55,38 80,60 70,90 40,97 14,86", "28,8 54,7 80,5"], // the hat drawn last
    ["76,6 28,8! 24,44! 52,38 80,58 74,86 44,97 14,86"], // in one stroke
    ["78,8 40,8 26,26 36,44 66,54 76,74 56,95 18,88"], // like an S
    ["34,10 28,42! 58,42 76,66 62,92 22,94", "36,10 60,8 86,10"], // a flat belly
  ],
  [
    ["68,4 38,22 18,60 26,90 55,97 80,78 68,57 40,57 20,74"], // curved
    ["56,3 28,48 20,78 42,97 72,86 72,64 48,57 24,74"], // a straight back
    ["74,8 44,10 20,44 18,78 44,97 74,86 76,64 52,52 22,68"], // hooked at the top
    ["50,3 30,40 24,84 46,97 64,84 58,68 40,68 26,82"], // a small bowl
  ],
  [
    ["14,8 50,8 84,8! 60,50 42,97"], // plain
    ["14,8 50,8 84,8! 60,50 42,97", "32,52 72,48"], // with a bar
    ["14,22 16,7! 50,8 84,6! 60,46 46,97"], // with a serif
    ["12,14 48,7 86,10 64,44 46,97"], // round
  ],
  [
    ["72,14 48,4 26,20 42,43 68,62 74,84 48,97 24,82 38,58 66,38 74,18 66,8"], // in one stroke
    ["50,48 27,30 48,4 73,26 50,48", "50,48 20,70 48,97 80,74 50,48"], // two rings
    ["66,10 40,6 30,26 58,48 76,76 50,97 26,80 46,52 68,26 56,6"], // narrow
    ["78,10 50,6 28,24 46,46 70,66 66,92 38,94 28,74 52,50 84,16"], // open at the top
  ],
  [
    ["74,22 50,4 22,24 34,48 66,42 76,18! 72,60 64,97"], // a straight stem
    ["76,18 50,5 24,28 44,50 72,36 78,14! 76,60 62,90 28,94"], // a curved tail
    ["70,30 64,8 36,8 26,32 48,46 72,28 74,10 66,55 52,97"], // in one sweep
    ["62,46 34,48 24,24 48,4 72,16 70,46 62,72 52,97"], // from the inside
  ],
];

function parseStroke(text: string): PenPoint[] {
  return text.split(" ").map((point) => {
    const [x, y] = point.replace("!", "").split(",").map(Number);
    return { x: x, y: y, corner: point.endsWith("!") };
  });
}

/** The forms of each digit: `glyphs()[7]` are those of the seven. */
export function glyphs(): readonly (readonly Glyph[])[] {
  return FORMS.map((forms) => forms.map((strokes) => ({ strokes: strokes.map(parseStroke) })));
}

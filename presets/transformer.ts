/** A small causal transformer over characters. */
import {
  add,
  dense,
  embedding,
  gelu,
  init,
  type Layer,
  layerNorm,
  multiHeadAttention,
  residual,
  type Sequential,
  sequential,
} from "wgrad";

/** Characters that it sees at once. */
export const CONTEXT = 64;
const WIDTH = 64;
const HEADS = 4;

/** Adds a learned vector for each position: a layer of one's own takes no more than this. */
function positions(): Layer {
  return {
    name: "positions",
    apply(x, scope) {
      const [, length, width] = x.shape;
      return add(x, scope.parameter("weight", [length, width], { init: init.normal(0.02), decay: false }));
    },
  };
}

function block(): Layer[] {
  return [
    residual(layerNorm(), multiHeadAttention(HEADS, { causal: true })),
    residual(layerNorm(), dense(4 * WIDTH), gelu(), dense(WIDTH)),
  ];
}

/** Two blocks of width 64 with 4 heads, over an alphabet of so many characters. */
export function transformer(characters: number): Sequential {
  return sequential(
    embedding(characters, WIDTH, { init: init.normal(0.02) }),
    positions(),
    ...block(),
    ...block(),
    layerNorm(),
    dense(characters),
  );
}

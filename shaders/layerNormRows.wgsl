// Rows of layer normalisation, as layerNorm.wgsl and layerNormGradient.wgsl take them, which come before this text: which
// columns of a row a lane keeps. lanes.wgsl comes after it.

const ROWS = 1u;
const SIZE = 1u;
const EPSILON = 0.0;
const TILE_Q = 1u;
const TURNS = 1u;

const TOGETHER = WORKGROUP / LANES;
const WHOLE = ROWS % (TOGETHER * TURNS) == 0u;
const FULL = LANES * TILE_Q == SIZE;
// Neighbours in fours, which devices load at once.
const FOURS = TILE_Q % 4u == 0u && SIZE % 4u == 0u;

// The column of a lane's element `i`.
fn columnOf(lane: u32, i: u32) -> u32 {
  if (FOURS) {
    return (i / 4u * LANES + lane) * 4u + i % 4u;
  }
  return i * LANES + lane;
}

fn isInside(lane: u32, i: u32) -> bool {
  // Neighbours of four are inside together.
  return FULL || columnOf(lane, select(i, i / 4u * 4u, FOURS)) < SIZE;
}

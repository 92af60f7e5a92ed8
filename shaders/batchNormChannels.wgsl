// Channels of batch normalisation, as batchNorm.wgsl and batchNormGradient.wgsl take them, which come before this text:
// which elements of a channel a lane takes. lanes.wgsl comes after it.

const CHANNELS = 1u;
const COUNT = 1u;
const INNER = 1u;
const EPSILON = 0.0;
const TILE_Q = 1u;

const COLUMNS = WORKGROUP / LANES;
const TURNS = (COUNT + LANES * TILE_Q - 1u) / (LANES * TILE_Q);
const FULL = TURNS * LANES * TILE_Q == COUNT;
// Neighbours in fours, which devices load at once.
const FOURS = TILE_Q % 4u == 0u && INNER % 4u == 0u;

// The number in its channel of a lane's element `k`.
fn numberOf(lane: u32, k: u32) -> u32 {
  if (FOURS) {
    return (k / 4u * LANES + lane) * 4u + k % 4u;
  }
  return k * LANES + lane;
}

// The flat index of a channel's element `i`.
fn indexOf(channel: u32, i: u32) -> u32 {
  if (INNER == 1u) {
    return i * CHANNELS + channel;
  }
  // One division for four neighbours.
  let start = select(i, i / 4u * 4u, FOURS);
  let image = start / INNER;
  return image * ((CHANNELS - 1u) * INNER) + channel * INNER + i;
}

fn isInside(i: u32) -> bool {
  return FULL || i < COUNT;
}

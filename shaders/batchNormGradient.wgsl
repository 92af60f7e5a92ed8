// Gradients of batch normalisation of x [images, CHANNELS, INNER], given the gradient dy that arrives at its results. With
// h = (x - mean) / deviation, where all means are over the COUNT elements of a channel:
//
//   dx = weight · (dy - mean(dy) - h · mean(dy · h)) / deviation
//
// A workgroup takes COLUMNS neighbouring channels, LANES invocations each (lanes.wgsl). A lane updates means, variance and covariance
// by each of its elements (Welford 1962), TILE_Q at a time, and the lanes' are put together (Chan, Golub & LeVeque 1979).
//
//   element(index), arriving(index)   x and dy at flat index `index`
//   weight(channel)
//   store(index, value)               dx, in the shape of x
//   storeWeight(channel, value)       the sums of dy · h, [CHANNELS]
//   storeBias(channel, value)         the sums of dy, [CHANNELS]

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

// Hooks: a dispatch writes their bodies, and declares the memory that they use.
fn element(index: u32) -> f32 { return 0.0; }
fn arriving(index: u32) -> f32 { return 0.0; }
fn weight(index: u32) -> f32 { return 1.0; }
fn store(index: u32, value: f32) {}
fn storeWeight(index: u32, value: f32) {}
fn storeBias(index: u32, value: f32) {}

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

@compute @workgroup_size(WORKGROUP)
fn batchNormGradient(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let lane = laneOf(local);
  let column = group.x * COLUMNS + resultOf(local);
  // Channels past the end take part in the barriers, but store nothing.
  let channel = min(column, CHANNELS - 1u);
  // No constant to the compiler: it would write out the loops, and some take seconds to compile them.
  let turns = select(0u, TURNS, group.x < CHANNELS);
  // Differences from one of the channel's elements keep the digits that its offset would take.
  let origin = element(indexOf(channel, 0u));
  // Of x and of dy.
  var means = vec2<f32>();
  // The sums of (x - mean)² and of (x - mean) · (dy - mean).
  var products = vec2<f32>();
  var count = 0u;
  for (var turn = 0u; turn < turns; turn++) {
    for (var q = 0u; q < TILE_Q; q++) {
      let k = turn * TILE_Q + q;
      let i = numberOf(lane, k);
      let at = indexOf(channel, i);
      let values = select(means, vec2<f32>(element(at) - origin, arriving(at)), isInside(i));
      count = select(count, k + 1u, isInside(i));
      let difference = values.x - means.x;
      means += (values - means) * (1.0 / f32(k + 1u));
      products += difference * (values - means);
    }
  }
  let own = means;
  means = sumsOfLanes(own * f32(count), local) / f32(COUNT);
  let between = own - means;
  products = sumsOfLanes(products + between.x * between * f32(count), local);
  let rate = 1.0 / sqrt(products.x / f32(COUNT) + EPSILON);
  let scale = weight(channel) * rate;
  let slope = products.y / f32(COUNT) * rate * rate;
  if (column < CHANNELS) {
    for (var turn = 0u; turn < turns; turn++) {
      for (var q = 0u; q < TILE_Q; q++) {
        let i = numberOf(lane, turn * TILE_Q + q);
        if (isInside(i)) {
          let at = indexOf(channel, i);
          store(at, (arriving(at) - means.y - (element(at) - origin - means.x) * slope) * scale);
        }
      }
    }
    if (lane == 0u) {
      storeWeight(channel, products.y * rate);
      storeBias(channel, means.y * f32(COUNT));
    }
  }
}

fn sumsOfLanes(values: vec2<f32>, local: u32) -> vec2<f32> {
  return vec2<f32>(sumOfLanes(values.x, local), sumOfLanes(values.y, local));
}

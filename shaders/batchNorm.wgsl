// Batch normalisation of x [images, CHANNELS, INNER], over the COUNT elements of each channel:
// (x - mean) / sqrt(variance + EPSILON) · weight + bias.
//
// A workgroup takes COLUMNS neighbouring channels, LANES invocations each. A lane updates mean and variance by each of its
// elements (Welford 1962), TILE_Q at a time, and the lanes' are put together (Chan, Golub & LeVeque 1979).
//
//   element(index)                   x at flat index `index`
//   weight(channel), bias(channel)
//   store(index, value)              the results, in the shape of x
//   storeMean(channel, value), storeVariance(channel, value)   [CHANNELS]; the variance is divided by COUNT

const CHANNELS = 1u;
const COUNT = 1u;
const INNER = 1u;
const EPSILON = 0.0;
const COLUMNS = 1u;
const LANES = 1u;
const TILE_Q = 1u;

const WORKGROUP = COLUMNS * LANES;
const STEPS = (COUNT + LANES * TILE_Q - 1u) / (LANES * TILE_Q);
const FULL = STEPS * LANES * TILE_Q == COUNT;
// Neighbours in fours, which devices load at once.
const FOURS = TILE_Q % 4u == 0u && INNER % 4u == 0u;

// Hooks: a dispatch writes their bodies, and declares the memory that they use.
fn element(index: u32) -> f32 { return 0.0; }
fn weight(index: u32) -> f32 { return 1.0; }
fn bias(index: u32) -> f32 { return 0.0; }
fn store(index: u32, value: f32) {}
fn storeMean(index: u32, value: f32) {}
fn storeVariance(index: u32, value: f32) {}

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

@compute @workgroup_size(COLUMNS * LANES)
fn batchNorm(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let lane = local / COLUMNS;
  let column = group.x * COLUMNS + local % COLUMNS;
  // Channels past the end take part in the barriers, but store nothing.
  let channel = min(column, CHANNELS - 1u);
  // No constant to the compiler: it would write out the loops, and some take seconds to compile them.
  let steps = select(0u, STEPS, group.x < CHANNELS);
  // Differences from one of the channel's elements keep the digits that its offset would take.
  let origin = element(indexOf(channel, 0u));
  var mean = 0.0;
  var squares = 0.0;
  var count = 0u;
  for (var step = 0u; step < steps; step++) {
    for (var q = 0u; q < TILE_Q; q++) {
      let k = step * TILE_Q + q;
      let i = numberOf(lane, k);
      let value = select(mean, element(indexOf(channel, i)) - origin, isInside(i));
      count = select(count, k + 1u, isInside(i));
      let difference = value - mean;
      mean += difference * (1.0 / f32(k + 1u));
      squares += difference * (value - mean);
    }
  }
  let own = mean;
  mean = overLanes(own * f32(count), local) / f32(COUNT);
  squares = overLanes(squares + (own - mean) * (own - mean) * f32(count), local);
  let variance = squares / f32(COUNT);
  let scale = weight(channel) / sqrt(variance + EPSILON);
  let offset = bias(channel);
  if (column < CHANNELS) {
    for (var step = 0u; step < steps; step++) {
      for (var q = 0u; q < TILE_Q; q++) {
        let i = numberOf(lane, step * TILE_Q + q);
        if (isInside(i)) {
          let at = indexOf(channel, i);
          store(at, (element(at) - origin - mean) * scale + offset);
        }
      }
    }
    if (lane == 0u) {
      storeMean(channel, origin + mean);
      storeVariance(channel, variance);
    }
  }
}

// A sum over many lanes is one over each SPAN neighbours first.
const SPAN = min(LANES, 16u);
var<workgroup> partial: array<f32, WORKGROUP>;

// The sum over the lanes of a channel, in the same order for each lane.
fn overLanes(value: f32, local: u32) -> f32 {
  if (LANES == 1u) {
    return value;
  }
  let column = local % COLUMNS;
  let lane = local / COLUMNS;
  partial[local] = value;
  workgroupBarrier();
  var sum = 0.0;
  for (var i = 0u; i < SPAN; i++) {
    sum += partial[(lane / SPAN * SPAN + i) * COLUMNS + column];
  }
  workgroupBarrier();
  if (LANES > SPAN) {
    partial[local] = sum;
    workgroupBarrier();
    sum = 0.0;
    for (var i = 0u; i < LANES / SPAN; i++) {
      sum += partial[i * SPAN * COLUMNS + column];
    }
    workgroupBarrier();
  }
  return sum;
}

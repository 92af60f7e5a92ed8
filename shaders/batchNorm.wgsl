// Batch normalisation of x [images, CHANNELS, INNER], over the COUNT elements of each channel:
// (x - mean) / sqrt(variance + EPSILON) · weight + bias.
//
// A workgroup takes COLUMNS neighbouring channels, LANES invocations each (lanes.wgsl, batchNormChannels.wgsl). A lane updates mean and variance by each of its
// elements (Welford 1962), TILE_Q at a time, and the lanes' are put together (Chan, Golub & LeVeque 1979).
//
//   element(index)                   x at flat index `index`
//   weight(channel), bias(channel)
//   store(index, value)              the results, in the shape of x
//   storeMean(channel, value), storeVariance(channel, value)   [CHANNELS]; the variance is divided by COUNT

// Hooks: a dispatch writes their bodies, and declares the memory that they use.
fn element(index: u32) -> f32 { return 0.0; }
fn weight(index: u32) -> f32 { return 1.0; }
fn bias(index: u32) -> f32 { return 0.0; }
fn store(index: u32, value: f32) {}
fn storeMean(index: u32, value: f32) {}
fn storeVariance(index: u32, value: f32) {}

// A function of shaders/scalar.wgsl, which takes the place of this one.
fn keepNaN(x: f32, value: f32) -> f32 { return select(value, x, x != x); }

@compute @workgroup_size(WORKGROUP)
fn batchNorm(
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
  var mean = 0.0;
  var squares = 0.0;
  var count = 0u;
  for (var turn = 0u; turn < turns; turn++) {
    for (var q = 0u; q < TILE_Q; q++) {
      let k = turn * TILE_Q + q;
      let i = numberOf(lane, k);
      let value = select(mean, element(indexOf(channel, i)) - origin, isInside(i));
      count = select(count, k + 1u, isInside(i));
      let difference = value - mean;
      mean += difference * (1.0 / f32(k + 1u));
      squares += difference * (value - mean);
    }
  }
  let own = mean;
  mean = sumOfLanes(own * f32(count), local) / f32(COUNT);
  squares = sumOfLanes(squares + (own - mean) * (own - mean) * f32(count), local);
  let variance = squares / f32(COUNT);
  let scale = weight(channel) / sqrt(variance + EPSILON);
  let offset = bias(channel);
  if (column < CHANNELS) {
    for (var turn = 0u; turn < turns; turn++) {
      for (var q = 0u; q < TILE_Q; q++) {
        let i = numberOf(lane, turn * TILE_Q + q);
        if (isInside(i)) {
          let at = indexOf(channel, i);
          store(at, (element(at) - origin - mean) * scale + offset);
        }
      }
    }
    if (lane == 0u) {
      // With an infinite element both are NaN.
      storeMean(channel, keepNaN(variance, origin + mean));
      storeVariance(channel, variance);
    }
  }
}

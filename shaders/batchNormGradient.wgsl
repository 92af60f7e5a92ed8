// Gradients of batch normalisation of x [images, CHANNELS, INNER], given the gradient dy that arrives at its results. With
// h = (x - mean) / deviation, where all means are over the COUNT elements of a channel:
//
//   dx = weight · (dy - mean(dy) - h · mean(dy · h)) / deviation
//
// A workgroup takes COLUMNS neighbouring channels, LANES invocations each (lanes.wgsl, batchNormChannels.wgsl). A lane
// updates mean, variance and the sum of dy · (x - mean) by each of its elements (Welford 1962), TILE_Q at a time, and the
// lanes' are put together (Chan, Golub & LeVeque 1979).
//
//   element(index), arriving(index)   x and dy at flat index `index`
//   weight(channel)
//   store(index, value)               dx, in the shape of x
//   storeWeight(channel, value)       the sums of dy · h, [CHANNELS]
//   storeBias(channel, value)         the sums of dy, [CHANNELS]

// Hooks: a dispatch writes their bodies, and declares the memory that they use.
fn element(index: u32) -> f32 { return 0.0; }
fn arriving(index: u32) -> f32 { return 0.0; }
fn weight(index: u32) -> f32 { return 1.0; }
fn store(index: u32, value: f32) {}
fn storeWeight(index: u32, value: f32) {}
fn storeBias(index: u32, value: f32) {}

// A function of shaders/scalar.wgsl, which takes the place of this one.
fn zeroOf(x: f32) -> f32 { return x * 0.0; }

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
  var mean = 0.0;
  var squares = 0.0;
  // The sums of dy, and of dy · (x - mean).
  var sum = 0.0;
  var products = 0.0;
  var count = 0u;
  for (var turn = 0u; turn < turns; turn++) {
    for (var q = 0u; q < TILE_Q; q++) {
      let k = turn * TILE_Q + q;
      let i = numberOf(lane, k);
      let at = indexOf(channel, i);
      let value = select(mean, element(at) - origin, isInside(i));
      let gradient = select(0.0, arriving(at), isInside(i));
      count = select(count, k + 1u, isInside(i));
      let difference = value - mean;
      let change = difference * (1.0 / f32(k + 1u));
      mean += change;
      squares += difference * (value - mean);
      products += gradient * (value - mean) - sum * change;
      sum += gradient;
    }
  }
  let own = mean;
  mean = sumOfLanes(own * f32(count), local) / f32(COUNT);
  squares = sumOfLanes(squares + (own - mean) * (own - mean) * f32(count), local);
  products = sumOfLanes(products + (own - mean) * sum, local);
  sum = sumOfLanes(sum, local);
  let rate = 1.0 / sqrt(squares / f32(COUNT) + EPSILON);
  let scale = weight(channel) * rate;
  // All are NaN where dy is infinite somewhere.
  let slope = products / f32(COUNT) * rate * rate + zeroOf(sum);
  if (column < CHANNELS) {
    for (var turn = 0u; turn < turns; turn++) {
      for (var q = 0u; q < TILE_Q; q++) {
        let i = numberOf(lane, turn * TILE_Q + q);
        if (isInside(i)) {
          let at = indexOf(channel, i);
          store(at, (arriving(at) - sum / f32(COUNT) - (element(at) - origin - mean) * slope) * scale);
        }
      }
    }
    if (lane == 0u) {
      storeWeight(channel, products * rate + zeroOf(sum));
      storeBias(channel, sum);
    }
  }
}

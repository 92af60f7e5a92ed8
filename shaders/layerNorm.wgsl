// Layer normalisation of rows, x [ROWS, SIZE]: (x - mean) / sqrt(variance + EPSILON) · weight + bias.
//
// LANES neighbouring invocations share a row (lanes.wgsl, layerNormRows.wgsl). Each keeps TILE_Q of its elements in registers, so that memory
// is read once. A workgroup takes TOGETHER rows side by side, TURNS times.
//
//   element(index)              x at flat index `index`
//   weight(column), bias(column)
//   store(index, value)         the results, [ROWS, SIZE]

// Hooks: a dispatch writes their bodies, and declares the memory that they use.
fn element(index: u32) -> f32 { return 0.0; }
fn weight(index: u32) -> f32 { return 1.0; }
fn bias(index: u32) -> f32 { return 0.0; }
fn store(index: u32, value: f32) {}

@compute @workgroup_size(WORKGROUP)
fn layerNorm(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let lane = laneOf(local);
  var weights: array<f32, TILE_Q>;
  var biases: array<f32, TILE_Q>;
  for (var q = 0u; q < TILE_Q; q++) {
    weights[q] = weight(columnOf(lane, q));
    biases[q] = bias(columnOf(lane, q));
  }
  for (var turn = 0u; turn < TURNS; turn++) {
    let row = (group.x * TURNS + turn) * TOGETHER + resultOf(local);
    // Rows past the end take part in the barriers, but store nothing.
    let first = select(min(row, ROWS - 1u), row, WHOLE) * SIZE;
    // Differences from one of the row's elements keep the digits that its offset would take.
    let origin = element(first);
    var values: array<f32, TILE_Q>;
    var sum = 0.0;
    for (var q = 0u; q < TILE_Q; q++) {
      values[q] = select(0.0, element(first + columnOf(lane, q)) - origin, isInside(lane, q));
      sum += values[q];
    }
    let mean = sumOfLanes(sum, local) / f32(SIZE);
    var squares = 0.0;
    for (var q = 0u; q < TILE_Q; q++) {
      values[q] = select(0.0, values[q] - mean, isInside(lane, q));
      squares += values[q] * values[q];
    }
    let scale = 1.0 / sqrt(sumOfLanes(squares, local) / f32(SIZE) + EPSILON);
    if (WHOLE || row < ROWS) {
      for (var q = 0u; q < TILE_Q; q++) {
        if (isInside(lane, q)) {
          store(first + columnOf(lane, q), values[q] * scale * weights[q] + biases[q]);
        }
      }
    }
  }
}

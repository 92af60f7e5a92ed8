// Gradients of layer normalisation of rows, x [ROWS, SIZE], given the gradient dy that arrives at its results. With
// h = (x - mean) / deviation and g = dy · weight, where both means are a row's:
//
//   dx = (g - mean(g) - h · mean(g · h)) / deviation
//
// LANES neighbouring invocations share a row (lanes.wgsl, layerNormRows.wgsl). Each keeps TILE_Q of its elements in registers, so that memory
// is read once. A workgroup takes TOGETHER rows side by side, TURNS times, and sums dy · h and dy over its rows.
//
//   element(index), arriving(index)   x and dy at flat index `index`
//   weight(column)
//   store(index, value)               dx, [ROWS, SIZE]
//   storeWeight(index, value)         each workgroup's part of the weight's gradient, [workgroups, SIZE]
//   storeBias(index, value)           each workgroup's part of the bias's gradient, [workgroups, SIZE]

const WIDTH = LANES * TILE_Q;

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
fn layerNormGradient(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let lane = laneOf(local);
  var weights: array<f32, TILE_Q>;
  var weightSums: array<f32, TILE_Q>;
  var biasSums: array<f32, TILE_Q>;
  for (var q = 0u; q < TILE_Q; q++) {
    weights[q] = weight(columnOf(lane, q));
  }
  for (var turn = 0u; turn < TURNS; turn++) {
    let row = (group.x * TURNS + turn) * TOGETHER + resultOf(local);
    // Rows past the end take part in the barriers and add 0 to the sums.
    let first = select(min(row, ROWS - 1u), row, WHOLE) * SIZE;
    // Differences from one of the row's elements keep the digits that its offset would take.
    let origin = element(first);
    var values: array<f32, TILE_Q>;
    var gradients: array<f32, TILE_Q>;
    var sum = 0.0;
    var weightedSum = 0.0;
    for (var q = 0u; q < TILE_Q; q++) {
      let at = first + columnOf(lane, q);
      values[q] = select(0.0, element(at) - origin, isInside(lane, q));
      gradients[q] = select(0.0, arriving(at), isInside(lane, q) && (WHOLE || row < ROWS));
      sum += values[q];
      weightedSum += select(0.0, gradients[q] * weights[q], isInside(lane, q));
    }
    let mean = sumOfLanes(sum, local) / f32(SIZE);
    let weightedMean = sumOfLanes(weightedSum, local) / f32(SIZE);
    var squares = 0.0;
    var products = 0.0;
    for (var q = 0u; q < TILE_Q; q++) {
      values[q] = select(0.0, values[q] - mean, isInside(lane, q));
      let weighted = select(0.0, gradients[q] * weights[q], isInside(lane, q));
      squares += values[q] * values[q];
      products += values[q] * weighted;
    }
    let scale = 1.0 / sqrt(sumOfLanes(squares, local) / f32(SIZE) + EPSILON);
    // All are NaN where dy is infinite somewhere.
    let slope = sumOfLanes(products, local) / f32(SIZE) * scale + zeroOf(weightedMean);
    for (var q = 0u; q < TILE_Q; q++) {
      let normalised = values[q] * scale;
      weightSums[q] += gradients[q] * normalised;
      biasSums[q] += gradients[q];
      if ((WHOLE || row < ROWS) && isInside(lane, q)) {
        let weighted = gradients[q] * weights[q];
        store(first + columnOf(lane, q), (weighted - weightedMean - normalised * slope) * scale);
      }
    }
  }
  if (TOGETHER == 1u) {
    for (var q = 0u; q < TILE_Q; q++) {
      if (isInside(lane, q)) {
        storeWeight(group.x * SIZE + columnOf(lane, q), weightSums[q]);
        storeBias(group.x * SIZE + columnOf(lane, q), biasSums[q]);
      }
    }
    return;
  }
  for (var q = 0u; q < TILE_Q; q++) {
    columns[resultOf(local) * WIDTH + columnOf(lane, q)] = weightSums[q];
  }
  workgroupBarrier();
  for (var column = local; column < SIZE; column += WORKGROUP) {
    storeWeight(group.x * SIZE + column, overRows(column));
  }
  workgroupBarrier();
  for (var q = 0u; q < TILE_Q; q++) {
    columns[resultOf(local) * WIDTH + columnOf(lane, q)] = biasSums[q];
  }
  workgroupBarrier();
  for (var column = local; column < SIZE; column += WORKGROUP) {
    storeBias(group.x * SIZE + column, overRows(column));
  }
}

var<workgroup> columns: array<f32, select(WORKGROUP * TILE_Q, 1u, TOGETHER == 1u)>;

// The sum of a column over the workgroup's rows.
fn overRows(column: u32) -> f32 {
  var sum = 0.0;
  for (var i = 0u; i < TOGETHER; i++) {
    sum += columns[i * WIDTH + column];
  }
  return sum;
}

// Softmax and its logarithm along the last axis of [ROWS, SIZE], and their gradients.
//
// LANES neighbouring invocations share a row (lanes.wgsl): lane l has the elements l, l + LANES, … of it. It keeps them in
// registers, TILE_KEPT of them, or loads them anew in each pass, where TILE_KEPT is 0.
//
//   softmax           maximum, sum of exponentials, result; subtracting the row's maximum keeps exp below 1
//     LOGARITHM 0       exp(x[i] - max) / sum
//     LOGARITHM 1       x[i] - max - logarithm(sum)
//   softmaxGradient   with element being softmax's result y, and arriving its gradient dy
//     LOGARITHM 0       y[i] (dy[i] - sum of dy y)
//     LOGARITHM 1       dy[i] - exp(y[i]) (sum of dy)
//
//   element(index), arriving(index)   the inputs, [ROWS, SIZE]
//   store(index, value)   the results, [ROWS, SIZE]

const ROWS = 1u;
const SIZE = 1u;
const LOGARITHM = 0u;
const TILE_KEPT = 0u;
// Workgroups along x; beyond one dispatch dimension's limit the grid grows along y.
const GROUPS_X = 1u;

const WHOLE = ROWS % (WORKGROUP / LANES) == 0u;

// Hooks: a dispatch writes their bodies, and declares the memory that they use.
fn element(index: u32) -> f32 { return 0.0; }
fn arriving(index: u32) -> f32 { return 0.0; }
fn store(index: u32, value: f32) {}

// Functions of shaders/scalar.wgsl, which take the place of these.
fn lowest() -> f32 { return -3.4028234e38; }
fn exponential(x: f32) -> f32 { return exp(x); }
fn logarithm(x: f32) -> f32 { return log(x); }

// What a lane keeps of its row.
alias Kept = array<f32, max(TILE_KEPT, 1u)>;

// Whether the invocation has a row. Where the grid has no invocations without one, compilers know.
fn hasRow(row: u32) -> bool { return WHOLE || row < ROWS; }

// Whether the row has an element `i`, the lane's k-th. Where all lanes have a k-th, compilers know.
fn hasElement(i: u32, k: u32) -> bool { return (k + 1u) * LANES <= SIZE || i < SIZE; }

@compute @workgroup_size(WORKGROUP)
fn softmax(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let lane = laneOf(local);
  let row = (group.y * GROUPS_X + group.x) * (WORKGROUP / LANES) + resultOf(local);
  let first = row * SIZE;
  // Rows past the end take part in barriers, but touch no memory. No constant to the compiler: loops that are written out take
  // some devices seconds to compile.
  let size = select(0u, SIZE, row < ROWS);
  var kept: Kept;

  var highest = lowest();
  for (var k = 0u; k < TILE_KEPT; k++) {
    let i = k * LANES + lane;
    kept[k] = lowest();
    if (hasRow(row) && hasElement(i, k)) {
      kept[k] = element(first + i);
    }
    highest = maximum(highest, kept[k]);
  }
  if (TILE_KEPT == 0u) {
    for (var i = lane; i < size; i += LANES) {
      highest = maximum(highest, element(first + i));
    }
  }
  highest = maximumOfLanes(highest, local);

  var sum = 0.0;
  for (var k = 0u; k < TILE_KEPT; k++) {
    kept[k] -= highest;
    let power = exponential(kept[k]);
    if (LOGARITHM == 0u) {
      kept[k] = power;
    }
    sum += select(0.0, power, hasElement(k * LANES + lane, k));
  }
  if (TILE_KEPT == 0u) {
    for (var i = lane; i < size; i += LANES) {
      sum += exponential(element(first + i) - highest);
    }
  }
  sum = sumOfLanes(sum, local);
  let share = select(sum, logarithm(sum), LOGARITHM == 1u);

  for (var k = 0u; k < TILE_KEPT; k++) {
    let i = k * LANES + lane;
    if (hasRow(row) && hasElement(i, k)) {
      store(first + i, select(kept[k] / share, kept[k] - share, LOGARITHM == 1u));
    }
  }
  if (TILE_KEPT == 0u) {
    for (var i = lane; i < size; i += LANES) {
      let shifted = element(first + i) - highest;
      if (LOGARITHM == 1u) {
        store(first + i, shifted - share);
      } else {
        store(first + i, exponential(shifted) / share);
      }
    }
  }
}

fn gradientTerm(y: f32, dy: f32) -> f32 { return select(dy * y, dy, LOGARITHM == 1u); }

fn gradientOf(y: f32, dy: f32, sum: f32) -> f32 {
  if (LOGARITHM == 1u) {
    return dy - exponential(y) * sum;
  }
  return y * (dy - sum);
}

@compute @workgroup_size(WORKGROUP)
fn softmaxGradient(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let lane = laneOf(local);
  let row = (group.y * GROUPS_X + group.x) * (WORKGROUP / LANES) + resultOf(local);
  let first = row * SIZE;
  let size = select(0u, SIZE, row < ROWS);
  var ys: Kept;
  var dys: Kept;

  var sum = 0.0;
  for (var k = 0u; k < TILE_KEPT; k++) {
    let i = k * LANES + lane;
    if (hasRow(row) && hasElement(i, k)) {
      ys[k] = element(first + i);
      dys[k] = arriving(first + i);
      sum += gradientTerm(ys[k], dys[k]);
    }
  }
  if (TILE_KEPT == 0u) {
    for (var i = lane; i < size; i += LANES) {
      sum += gradientTerm(element(first + i), arriving(first + i));
    }
  }
  sum = sumOfLanes(sum, local);

  for (var k = 0u; k < TILE_KEPT; k++) {
    let i = k * LANES + lane;
    if (hasRow(row) && hasElement(i, k)) {
      store(first + i, gradientOf(ys[k], dys[k], sum));
    }
  }
  if (TILE_KEPT == 0u) {
    for (var i = lane; i < size; i += LANES) {
      store(first + i, gradientOf(element(first + i), arriving(first + i), sum));
    }
  }
}

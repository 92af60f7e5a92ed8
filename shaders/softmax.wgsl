// Softmax and its logarithm along the last axis of [ROWS, SIZE].
//
// LANES neighbouring invocations (a power of two, at most WORKGROUP) share one row; each passes over its
// elements three times: maximum, sum of exponentials, result. Subtracting the row's maximum keeps exp below 1.
//
//   LOGARITHM 0   result[i] = exp(x[i] - max) / sum
//   LOGARITHM 1   result[i] = x[i] - max - logarithm(sum)
//
//   element(index)   x at flat index `index`
//   store(index, value)   the results, [ROWS, SIZE]

const ROWS = 1u;
const SIZE = 1u;
const LANES = 1u;
const WORKGROUP = 64u;
const LOGARITHM = 0u;
// Workgroups along x; beyond one dispatch dimension's limit the grid grows along y.
const GROUPS_X = 1u;

// Hooks: a dispatch writes their bodies, and declares the memory that they use.
fn element(index: u32) -> f32 { return 0.0; }
fn store(index: u32, value: f32) {}

// Functions of shaders/scalar.wgsl, which take the place of these.
fn maximum(a: f32, b: f32) -> f32 { return max(a, b); }
fn lowest() -> f32 { return -3.4028234e38; }
fn exponential(x: f32) -> f32 { return exp(x); }
fn logarithm(x: f32) -> f32 { return log(x); }

var<workgroup> partial: array<f32, WORKGROUP>;

@compute @workgroup_size(WORKGROUP)
fn softmax(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let lane = local % LANES;
  let row = (group.y * GROUPS_X + group.x) * (WORKGROUP / LANES) + local / LANES;
  let first = row * SIZE;
  // Rows past the end take part in the barriers, but touch no memory.
  let size = select(0u, SIZE, row < ROWS);

  var highest = lowest();
  for (var i = lane; i < size; i += LANES) {
    highest = maximum(highest, element(first + i));
  }
  if (LANES > 1u) {
    partial[local] = highest;
    workgroupBarrier();
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
      if (lane < half) {
        partial[local] = maximum(partial[local], partial[local + half]);
      }
      workgroupBarrier();
    }
    highest = partial[local - lane];
    workgroupBarrier();
  }

  var sum = 0.0;
  for (var i = lane; i < size; i += LANES) {
    sum += exponential(element(first + i) - highest);
  }
  if (LANES > 1u) {
    partial[local] = sum;
    workgroupBarrier();
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
      if (lane < half) {
        partial[local] += partial[local + half];
      }
      workgroupBarrier();
    }
    sum = partial[local - lane];
  }

  for (var i = lane; i < size; i += LANES) {
    let shifted = element(first + i) - highest;
    if (LOGARITHM == 1u) {
      store(first + i, shifted - logarithm(sum));
    } else {
      store(first + i, exponential(shifted) / sum);
    }
  }
}

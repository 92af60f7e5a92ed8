// Reductions: result[o] = combine over r of element(o * SIZE + r), for o < OUTPUTS and r < SIZE.
//
// LANES neighbouring invocations (a power of two, at most WORKGROUP) share one output: lane l takes the
// elements l, l + LANES, … in order, and a tree in workgroup memory combines the lanes. The order is fixed,
// so the result is the same in every run.
//
//   MODE 0   sum
//   MODE 1   maximum; NaN where there is one
//   MODE 2   index of the first maximum, or of the first NaN
//
//   element(index)   the value at `index` of the virtual input [OUTPUTS, SIZE]
//   store(index, value)   the results, [OUTPUTS]

const OUTPUTS = 1u;
const SIZE = 1u;
const LANES = 1u;
const WORKGROUP = 64u;
const MODE = 0u;
// Workgroups along x; beyond one dispatch dimension's limit the grid grows along y.
const GROUPS_X = 1u;

// Hooks: a dispatch writes their bodies, and declares the memory that they use.
fn element(index: u32) -> f32 { return 0.0; }
fn store(index: u32, value: f32) {}

// Functions of shaders/scalar.wgsl, which take the place of these.
fn exceeds(a: f32, b: f32) -> bool { return a > b; }
fn lowest() -> f32 { return -3.4028234e38; }

var<workgroup> partial: array<f32, WORKGROUP>;
var<workgroup> positions: array<u32, WORKGROUP>;

@compute @workgroup_size(WORKGROUP)
fn reduce(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let lane = local % LANES;
  let output = (group.y * GROUPS_X + group.x) * (WORKGROUP / LANES) + local / LANES;
  var total = select(lowest(), 0.0, MODE == 0u);
  var position = 0u;
  if (output < OUTPUTS) {
    for (var r = lane; r < SIZE; r += LANES) {
      let value = element(output * SIZE + r);
      if (MODE == 0u) {
        total += value;
      } else if (exceeds(value, total)) {
        total = value;
        position = r;
      }
    }
  }
  if (LANES > 1u) {
    partial[local] = total;
    positions[local] = position;
    workgroupBarrier();
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
      if (lane < half) {
        let other = partial[local + half];
        if (MODE == 0u) {
          partial[local] += other;
        } else if (exceeds(other, partial[local])
          || (!exceeds(partial[local], other) && positions[local + half] < positions[local])) {
          partial[local] = other;
          positions[local] = positions[local + half];
        }
      }
      workgroupBarrier();
    }
    total = partial[local];
    position = positions[local];
  }
  if (lane == 0u && output < OUTPUTS) {
    store(output, select(total, f32(position), MODE == 2u));
  }
}

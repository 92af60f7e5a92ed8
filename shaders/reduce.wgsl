// Reductions over the middle axis of [OUTER, SIZE, INNER], in PARTS parts of up to CHUNK elements: the result
// [OUTER, PARTS, INNER] combines element((outer * SIZE + r) * INNER + inner) over part * CHUNK <= r < (part + 1) * CHUNK.
//
// LANES invocations share a result (lanes.wgsl): lane l takes the elements l, l + LANES, … in order, AHEAD of them at a time,
// whose loads are under way together. Where INNER is 1, lanes are neighbours; otherwise neighbours have neighbouring results,
// and read side by side.
//
//   MODE 0   sum
//   MODE 1   maximum; NaN where there is one
//   MODE 2   index of the first maximum, or of the first NaN
//
//   element(index)   the value at `index` of the input [OUTER, SIZE, INNER]
//   store(index, value)   the results, [OUTER, PARTS, INNER]

const OUTER = 1u;
const SIZE = 1u;
const INNER = 1u;
const PARTS = 1u;
const CHUNK = 1u;
const AHEAD = 1u;
const MODE = 0u;
// Workgroups along x; beyond one dispatch dimension's limit the grid grows along y.
const GROUPS_X = 1u;

const OUTPUTS = OUTER * PARTS * INNER;
// Whether there is one row of results; whether all parts are equally long, and whether they are short.
const ALONE = OUTER == 1u;
const EVEN = PARTS == 1u || SIZE % CHUNK == 0u;
const SHORT = CHUNK <= 16u;

// Hooks: a dispatch writes their bodies, and declares the memory that they use.
fn element(index: u32) -> f32 { return 0.0; }
fn store(index: u32, value: f32) {}

// A function of shaders/scalar.wgsl, which takes the place of this one.
fn lowest() -> f32 { return -3.4028234e38; }

fn combined(a: Largest, value: f32, position: u32) -> Largest {
  if (MODE == 0u) {
    return Largest(a.value + value, 0u);
  }
  if (exceeds(value, a.value)) {
    return Largest(value, position);
  }
  return a;
}

@compute @workgroup_size(WORKGROUP)
fn reduce(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let output = (group.y * GROUPS_X + group.x) * (WORKGROUP / LANES) + resultOf(local);
  let row = output / INNER;
  let start = row % PARTS * CHUNK;
  let first = (select(row / PARTS, 0u, ALONE) * SIZE + start) * INNER + (output - row * INNER);
  let ofPart = select(min(CHUNK, SIZE - start), CHUNK, EVEN);
  // No constant to the compiler where the axis is long: loops that are written out take some devices seconds to compile.
  let size = select(select(0u, ofPart, output < OUTPUTS), ofPart, SHORT);
  let lane = laneOf(local);
  let turns = select(0u, size / (AHEAD * LANES), AHEAD > 1u);
  var total = Largest(select(lowest(), 0.0, MODE == 0u), 0u);
  if (output < OUTPUTS) {
    for (var turn = 0u; turn < turns; turn++) {
      for (var a = 0u; a < AHEAD; a++) {
        let r = (turn * AHEAD + a) * LANES + lane;
        total = combined(total, element(first + r * INNER), r);
      }
    }
    for (var r = turns * AHEAD * LANES + lane; r < size; r += LANES) {
      total = combined(total, element(first + r * INNER), r);
    }
  }
  if (MODE == 0u) {
    total.value = sumOfLanes(total.value, local);
  } else {
    total = largestOfLanes(total.value, total.position, local);
  }
  if (lane == 0u && output < OUTPUTS) {
    store(output, select(total.value, f32(total.position), MODE == 2u));
  }
}

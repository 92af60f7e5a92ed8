// As layerNormGradient.wgsl, for processors: one invocation takes a whole row, reads it twice, and waits for nobody; then
// each takes columns. Mean, variance and the sum of g · (x - mean) are updated by each element (Welford 1962).

const ROWS = 1u;
const SIZE = 1u;
const EPSILON = 0.0;
const WORKGROUP = 8u;
const TURNS = 1u;

const GROUP_ROWS = WORKGROUP * TURNS;

// Hooks: a dispatch writes their bodies, and declares the memory that they use.
fn element(index: u32) -> f32 { return 0.0; }
fn arriving(index: u32) -> f32 { return 0.0; }
fn weight(index: u32) -> f32 { return 1.0; }
fn store(index: u32, value: f32) {}
fn storeWeight(index: u32, value: f32) {}
fn storeBias(index: u32, value: f32) {}

// A function of shaders/scalar.wgsl, which takes the place of this one.
fn zeroOf(x: f32) -> f32 { return x * 0.0; }

// Of each row of the workgroup.
var<workgroup> origins: array<f32, GROUP_ROWS>;
var<workgroup> means: array<f32, GROUP_ROWS>;
var<workgroup> scales: array<f32, GROUP_ROWS>;

@compute @workgroup_size(WORKGROUP)
fn layerNormGradientSerial(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  // No constants to the compiler: it would write out the loops, and take seconds to compile them.
  let size = select(0u, SIZE, group.x < ROWS);
  let turns = select(0u, TURNS, group.x < ROWS);
  let firstRow = group.x * GROUP_ROWS;
  for (var turn = 0u; turn < turns; turn++) {
    let row = firstRow + turn * WORKGROUP + local;
    let first = min(row, ROWS - 1u) * SIZE;
    // Differences from one of the row's elements keep the digits that its offset would take.
    let origin = element(first);
    var mean = 0.0;
    var squares = 0.0;
    // The sums of g = dy · weight, and of g · (x - mean).
    var sum = 0.0;
    var products = 0.0;
    for (var i = 0u; i < size; i++) {
      let value = element(first + i) - origin;
      let gradient = arriving(first + i) * weight(i);
      let difference = value - mean;
      let change = difference / f32(i + 1u);
      mean += change;
      squares += difference * (value - mean);
      products += gradient * (value - mean) - sum * change;
      sum += gradient;
    }
    let scale = 1.0 / sqrt(squares / f32(SIZE) + EPSILON);
    // All are NaN where dy is infinite somewhere.
    let slope = products / f32(SIZE) * scale * scale + zeroOf(sum);
    origins[turn * WORKGROUP + local] = origin;
    means[turn * WORKGROUP + local] = mean;
    scales[turn * WORKGROUP + local] = scale;
    if (row < ROWS) {
      for (var i = 0u; i < size; i++) {
        let value = element(first + i) - origin - mean;
        store(first + i, (arriving(first + i) * weight(i) - sum / f32(SIZE) - value * slope) * scale);
      }
    }
  }
  workgroupBarrier();
  let rows = min(turns * WORKGROUP, ROWS - min(firstRow, ROWS));
  // Four columns share the loads of what is known of a row.
  for (var start = local; start < size; start += 4u * WORKGROUP) {
    let columns = start + vec4<u32>(0u, 1u, 2u, 3u) * WORKGROUP;
    var weightSums = vec4<f32>();
    var biasSums = vec4<f32>();
    for (var i = 0u; i < rows; i++) {
      let at = (firstRow + i) * SIZE + min(columns, vec4<u32>(SIZE - 1u));
      let gradients = vec4<f32>(arriving(at.x), arriving(at.y), arriving(at.z), arriving(at.w));
      let values = vec4<f32>(element(at.x), element(at.y), element(at.z), element(at.w));
      weightSums += gradients * (values - origins[i] - means[i]) * scales[i];
      biasSums += gradients;
    }
    for (var c = 0u; c < 4u; c++) {
      if (columns[c] < SIZE) {
        storeWeight(group.x * SIZE + columns[c], weightSums[c]);
        storeBias(group.x * SIZE + columns[c], biasSums[c]);
      }
    }
  }
}

// As layerNorm.wgsl, for processors: one invocation takes a whole row, reads it twice, and waits for nobody. Mean and
// variance are updated by each element (Welford 1962).

const ROWS = 1u;
const SIZE = 1u;
const EPSILON = 0.0;
const WORKGROUP = 8u;
const TURNS = 1u;

// Hooks: a dispatch writes their bodies, and declares the memory that they use.
fn element(index: u32) -> f32 { return 0.0; }
fn weight(index: u32) -> f32 { return 1.0; }
fn bias(index: u32) -> f32 { return 0.0; }
fn store(index: u32, value: f32) {}

@compute @workgroup_size(WORKGROUP)
fn layerNormSerial(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  // No constants to the compiler: it would write out the loops, and take seconds to compile them.
  let size = select(0u, SIZE, group.x < ROWS);
  let turns = select(0u, TURNS, group.x < ROWS);
  for (var turn = 0u; turn < turns; turn++) {
    let row = (group.x * TURNS + turn) * WORKGROUP + local;
    let first = min(row, ROWS - 1u) * SIZE;
    // Differences from one of the row's elements keep the digits that its offset would take.
    let origin = element(first);
    var mean = 0.0;
    var squares = 0.0;
    for (var i = 0u; i < size; i++) {
      let value = element(first + i) - origin;
      let difference = value - mean;
      mean += difference / f32(i + 1u);
      squares += difference * (value - mean);
    }
    let scale = 1.0 / sqrt(squares / f32(SIZE) + EPSILON);
    if (row < ROWS) {
      for (var i = 0u; i < size; i++) {
        store(first + i, (element(first + i) - origin - mean) * scale * weight(i) + bias(i));
      }
    }
  }
}

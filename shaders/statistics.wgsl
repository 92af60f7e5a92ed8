// Running statistics of normalisation layers, all in one arena: each element moves towards what the step observed.
//
//   running    [SIZE], updated in place
//   observed   [SIZE]
//   rates      [SIZE / 64]: by which part of the way a block of 64 elements moves; 0 where nothing was observed

const SIZE = 1u;
const ROW = 64u;

@group(1) @binding(0) var<storage, read_write> running: array<f32>;
@group(1) @binding(1) var<storage, read> observed: array<f32>;
@group(1) @binding(2) var<storage, read> rates: array<f32>;

@compute @workgroup_size(64)
fn track(@builtin(global_invocation_id) id: vec3<u32>) {
  let i = id.y * ROW + id.x;
  if (i < SIZE) {
    let rate = rates[i / 64u];
    running[i] = (1.0 - rate) * running[i] + rate * observed[i];
  }
}

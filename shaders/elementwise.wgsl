// Elementwise work that no other kernel could take into its hooks.
//
//   elementwise        one invocation computes one element
//   elementwiseFours   one invocation computes four elements side by side; SIZE is a multiple of four
//
//   element(index)   the element at flat index `index` of the result, 0 <= index < SIZE
//   store(index, value)   writes the element, [SIZE]
//
// ROW is the number of invocations along x; beyond one dispatch dimension's limit the grid grows along y.

const SIZE = 1u;
const ROW = 64u;

// Hooks: a dispatch writes their bodies, and declares the memory that they use.
fn element(index: u32) -> f32 { return 0.0; }
fn store(index: u32, value: f32) {}

// The hooks for four elements from a multiple of four on. Where positions allow that, a dispatch writes shorter bodies.
fn fourElements(index: u32) -> vec4<f32> {
  return vec4<f32>(element(index), element(index + 1u), element(index + 2u), element(index + 3u));
}

fn storeFour(index: u32, value: vec4<f32>) {
  store(index, value.x);
  store(index + 1u, value.y);
  store(index + 2u, value.z);
  store(index + 3u, value.w);
}

@compute @workgroup_size(64)
fn elementwise(@builtin(global_invocation_id) id: vec3<u32>) {
  let index = id.y * ROW + id.x;
  if (index < SIZE) {
    store(index, element(index));
  }
}

@compute @workgroup_size(64)
fn elementwiseFours(@builtin(global_invocation_id) id: vec3<u32>) {
  let index = (id.y * ROW + id.x) * 4u;
  if (index < SIZE) {
    storeFour(index, fourElements(index));
  }
}

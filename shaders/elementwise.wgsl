// Elementwise work that no other kernel could take into its hooks: one invocation computes one element.
//
//   value(index)   the element at flat index `index` of the result, 0 <= index < SIZE
//   store(index, value)   writes the element, [SIZE]
//
// ROW is the number of invocations along x; beyond one dispatch dimension's limit the grid grows along y.

const SIZE = 1u;
const ROW = 64u;

// Hooks: a dispatch writes their bodies, and declares the memory that they use.
fn element(index: u32) -> f32 { return 0.0; }
fn store(index: u32, value: f32) {}

@compute @workgroup_size(64)
fn elementwise(@builtin(global_invocation_id) id: vec3<u32>) {
  let index = id.y * ROW + id.x;
  if (index < SIZE) {
    store(index, element(index));
  }
}

// Elementwise work, four elements an invocation: for large memory that is computed or updated in its own order.
//
//   element(index)          the elements from flat index `index` on, a multiple of 4 below SIZE
//   store(index, value)     writes four elements, [SIZE]
//
// SIZE is a multiple of 4. ROW is the number of invocations along x; beyond one dispatch dimension's limit the grid grows along y.

const SIZE = 4u;
const ROW = 256u;

// Hooks: a dispatch writes their bodies, and declares the memory that they use: of vectors, where they read it four by four.
fn element(index: u32) -> vec4<f32> { return vec4<f32>(); }
fn store(index: u32, value: vec4<f32>) {}

@compute @workgroup_size(256)
fn elementwise4(@builtin(global_invocation_id) id: vec3<u32>) {
  let index = (id.y * ROW + id.x) * 4u;
  if (index < SIZE) {
    store(index, element(index));
  }
}

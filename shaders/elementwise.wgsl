// Elementwise work that no other kernel could take into its hooks: one invocation computes one element.
//
//   value(index)   the element at flat index `index` of the result, 0 <= index < SIZE
//   store(index, value)   writes it: result0 .. result3, [SIZE]
//
// ROW is the number of invocations along x; beyond one dispatch dimension's limit the grid grows along y.

const SIZE = 1u;
const ROW = 64u;

@group(0) @binding(0) var<uniform> step: array<vec4<u32>, 16>;
@group(1) @binding(10) var<storage, read> operand0: array<u32>;
@group(1) @binding(11) var<storage, read> operand1: array<u32>;
@group(1) @binding(12) var<storage, read> operand2: array<u32>;
@group(1) @binding(13) var<storage, read> operand3: array<u32>;
@group(1) @binding(14) var<storage, read> operand4: array<u32>;
@group(1) @binding(15) var<storage, read> operand5: array<u32>;
@group(1) @binding(16) var<storage, read> operand6: array<u32>;
@group(1) @binding(20) var<storage, read_write> result0: array<u32>;
@group(1) @binding(21) var<storage, read_write> result1: array<u32>;
@group(1) @binding(22) var<storage, read_write> result2: array<u32>;
@group(1) @binding(23) var<storage, read_write> result3: array<u32>;

fn element(index: u32) -> f32 {
  return bitcast<f32>(operand0[index]);
}

fn store(index: u32, value: f32) {
  result0[index] = bitcast<u32>(value);
}

@compute @workgroup_size(64)
fn elementwise(@builtin(global_invocation_id) id: vec3<u32>) {
  let index = id.y * ROW + id.x;
  if (index < SIZE) {
    store(index, element(index));
  }
}

enable subgroups;

// Matrix product as in matmul.wgsl, for devices with subgroups: what all lanes of a subgroup need alike, each loads an
// LANES-th part of, and the others get it by a broadcast. Where a load costs the same whether lanes differ or not, as on
// vector units of processors, that is most of the cost.
//
// One invocation computes a TILE_M × TILE_N block of c, in registers; the invocations of a workgroup lie side by side
// along N, and share the rows of A. In each step of K, lane l loads rows l, LANES + l, … of the tile.
//
// vectorB(index) gives four elements of B that lie side by side: with VECTOR_B 1, for B that is not transposed, and N a
// multiple of four.

const M = 1u;
const N = 1u;
const K = 1u;
const TRANSPOSE_A = 0u;
const TRANSPOSE_B = 0u;
const SUMS = 0u;
const ROWS_A = 0u;
const ROWS_B = 0u;
const BATCH_A = 0u;
const BATCH_B = 0u;
const TILE_M = 16u;
const TILE_N = 8u;
const GROUP_X = 8u;
const GROUP_Y = 1u;
// 4 or 8, at most the size of a subgroup; TILE_M is a multiple of it, GROUP_X of the size of a subgroup.
const LANES = 8u;
const VECTOR_B = 0u;

@group(0) @binding(0) var<uniform> step: array<vec4<u32>, 16>;
@group(1) @binding(0) var<storage, read> a: array<f32>;
@group(1) @binding(1) var<storage, read> b: array<f32>;
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

fn loadA(index: u32) -> f32 {
  return a[index];
}

fn loadB(index: u32) -> f32 {
  return b[index];
}

fn vectorB(index: u32) -> vec4<f32> {
  return vec4<f32>(loadB(index), loadB(index + 1u), loadB(index + 2u), loadB(index + 3u));
}

fn rowOfA(index: u32) -> f32 {
  return f32(index);
}

fn rowOfB(index: u32) -> f32 {
  return f32(index);
}

fn store(index: u32, value: f32) {
  result0[index] = bitcast<u32>(value);
}

fn storeSum(index: u32, value: f32) {
}

const ROW_A = select(K, 1u, TRANSPOSE_A == 1u);
const STEP_A = select(1u, M, TRANSPOSE_A == 1u);
const COLUMN_B = select(1u, K, TRANSPOSE_B == 1u);
const STEP_B = select(N, 1u, TRANSPOSE_B == 1u);
const LOADS = TILE_M / LANES;

@compute @workgroup_size(GROUP_X, GROUP_Y)
fn matmulLanes(
  @builtin(global_invocation_id) id: vec3<u32>,
  @builtin(subgroup_invocation_id) invocation: u32,
) {
  let lane = invocation % LANES;
  let row = id.y * TILE_M;
  let column = id.x * TILE_N;
  var atA: array<u32, LOADS>;
  var atB: array<u32, TILE_N>;
  for (var i = 0u; i < TILE_M / LANES; i++) {
    var rowA = min(row + i * LANES + lane, M - 1u);
    if (ROWS_A == 1u) {
      rowA = u32(rowOfA(rowA));
    }
    atA[i] = id.z * BATCH_A + rowA * ROW_A;
  }
  for (var j = 0u; j < TILE_N; j++) {
    atB[j] = id.z * BATCH_B + min(column + j, N - 1u) * COLUMN_B;
  }

  var sum: array<f32, TILE_M * TILE_N>;
  var totals: array<f32, LOADS>;
  var valuesA: array<f32, TILE_M>;
  var valuesB: array<f32, TILE_N>;
  for (var k = 0u; k < K; k++) {
    for (var i = 0u; i < TILE_M / LANES; i++) {
      let value = loadA(atA[i] + k * STEP_A);
      if (SUMS == 1u) {
        totals[i] += value;
      }
      // The number of a lane has to be a constant expression.
      valuesA[i * LANES] = subgroupBroadcast(value, 0u);
      valuesA[i * LANES + 1u] = subgroupBroadcast(value, 1u);
      valuesA[i * LANES + 2u] = subgroupBroadcast(value, 2u);
      valuesA[i * LANES + 3u] = subgroupBroadcast(value, 3u);
      if (LANES == 8u) {
        valuesA[i * LANES + LANES - 4u] = subgroupBroadcast(value, 4u);
        valuesA[i * LANES + LANES - 3u] = subgroupBroadcast(value, 5u);
        valuesA[i * LANES + LANES - 2u] = subgroupBroadcast(value, 6u);
        valuesA[i * LANES + LANES - 1u] = subgroupBroadcast(value, 7u);
      }
    }
    var rowB = k;
    if (ROWS_B == 1u) {
      rowB = u32(rowOfB(k));
    }
    if (VECTOR_B == 1u) {
      for (var j = 0u; j < TILE_N / 4u; j++) {
        let values = vectorB(atB[j * 4u] / 4u * 4u + rowB * STEP_B);
        valuesB[j * 4u] = values.x;
        valuesB[j * 4u + 1u] = values.y;
        valuesB[j * 4u + 2u] = values.z;
        valuesB[j * 4u + 3u] = values.w;
      }
    } else {
      for (var j = 0u; j < TILE_N; j++) {
        valuesB[j] = loadB(atB[j] + rowB * STEP_B);
      }
    }
    for (var i = 0u; i < TILE_M; i++) {
      for (var j = 0u; j < TILE_N; j++) {
        sum[i * TILE_N + j] = fma(valuesA[i], valuesB[j], sum[i * TILE_N + j]);
      }
    }
  }

  // As in matmul.wgsl: one row of stores to compile, and the sums stay in registers.
  var results = sum;
  let rows = select(0u, min(TILE_M, M - row), row < M);
  for (var i = 0u; i < rows; i++) {
    for (var j = 0u; j < TILE_N; j++) {
      if (column + j < N) {
        store((id.z * M + row + i) * N + column + j, results[i * TILE_N + j]);
      }
    }
  }

  // All subgroups of a row of blocks have the same totals; each lane stores those it added up.
  if (SUMS == 1u && id.x < GROUP_X && invocation < LANES) {
    for (var i = 0u; i < TILE_M / LANES; i++) {
      if (row + i * LANES + lane < M) {
        storeSum(id.z * M + row + i * LANES + lane, totals[i]);
      }
    }
  }
}

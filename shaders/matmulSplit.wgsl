// Matrix product as in matmul.wgsl, with the same names, for few elements and a long K, a matrix times a vector among them:
// several invocations share each sum. For devices where one invocation an element would leave most of the device idle.
//
// A workgroup computes TILE_M rows × COLUMNS columns of c. Of the SPLIT invocations that share a column, each adds up
// every SPLIT-th product of its TILE_M rows; their sums meet in workgroup memory, and are added up in order. Where B lies
// transposed, the invocations that share a column lie along x, else the columns do, so that neighbours read side by side.

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
const TILE_M = 4u;
const GROUP_X = 16u;
const GROUP_Y = 16u;

@group(1) @binding(0) var<storage, read> a: array<f32>;
@group(1) @binding(1) var<storage, read> b: array<f32>;

// Hooks: a dispatch writes their bodies, and declares the memory that they use.
fn loadA(index: u32) -> f32 { return a[index]; }
fn loadB(index: u32) -> f32 { return b[index]; }
fn rowOfA(index: u32) -> f32 { return f32(index); }
fn rowOfB(index: u32) -> f32 { return f32(index); }
fn store(index: u32, value: f32) {}
fn storeSum(index: u32, value: f32) {}

// Distance in memory from one row of A, or one column of B, to the next, and along K.
const ROW_A = select(K, 1u, TRANSPOSE_A == 1u);
const STEP_A = select(1u, M, TRANSPOSE_A == 1u);
const COLUMN_B = select(1u, K, TRANSPOSE_B == 1u);
const STEP_B = select(N, 1u, TRANSPOSE_B == 1u);
const SPLIT = select(GROUP_Y, GROUP_X, TRANSPOSE_B == 1u);
const COLUMNS = select(GROUP_X, GROUP_Y, TRANSPOSE_B == 1u);

var<workgroup> partial: array<f32, TILE_M * GROUP_X * GROUP_Y>;
var<workgroup> partialSums: array<f32, TILE_M * SPLIT>;

@compute @workgroup_size(GROUP_X, GROUP_Y)
fn matmulSplit(
  @builtin(workgroup_id) tile: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
) {
  let share = select(local.y, local.x, TRANSPOSE_B == 1u);
  let place = select(local.x, local.y, TRANSPOSE_B == 1u);
  let matrix = tile.z;
  let row = tile.y * TILE_M;
  let column = tile.x * COLUMNS + place;
  var atA: array<u32, TILE_M>;
  for (var i = 0u; i < TILE_M; i++) {
    var rowA = min(row + i, M - 1u);
    if (ROWS_A == 1u) {
      rowA = u32(rowOfA(rowA));
    }
    atA[i] = matrix * BATCH_A + rowA * ROW_A;
  }
  let atB = matrix * BATCH_B + min(column, N - 1u) * COLUMN_B;

  var sum: array<f32, TILE_M>;
  var totals: array<f32, TILE_M>;
  for (var k = share; k < K; k += SPLIT) {
    var rowB = k;
    if (ROWS_B == 1u) {
      rowB = u32(rowOfB(k));
    }
    let valueB = loadB(atB + rowB * STEP_B);
    for (var i = 0u; i < TILE_M; i++) {
      let valueA = loadA(atA[i] + k * STEP_A);
      if (SUMS == 1u) {
        totals[i] += valueA;
      }
      sum[i] = fma(valueA, valueB, sum[i]);
    }
  }
  for (var i = 0u; i < TILE_M; i++) {
    partial[(i * COLUMNS + place) * SPLIT + share] = sum[i];
    if (SUMS == 1u && place == 0u) {
      partialSums[i * SPLIT + share] = totals[i];
    }
  }
  workgroupBarrier();

  for (var at = local.y * GROUP_X + local.x; at < TILE_M * COLUMNS; at += GROUP_X * GROUP_Y) {
    let i = at / COLUMNS;
    let j = tile.x * COLUMNS + at % COLUMNS;
    var total = 0.0;
    for (var part = 0u; part < SPLIT; part++) {
      total += partial[at * SPLIT + part];
    }
    if (row + i < M && j < N) {
      store((matrix * M + row + i) * N + j, total);
    }
  }
  if (SUMS == 1u && tile.x == 0u && place == 0u && share < TILE_M && row + share < M) {
    var total = 0.0;
    for (var part = 0u; part < SPLIT; part++) {
      total += partialSums[share * SPLIT + part];
    }
    storeSum(matrix * M + row + share, total);
  }
}

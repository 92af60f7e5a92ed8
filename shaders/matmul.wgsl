enable subgroups;

// Matrix product c[M, N] = A · B, summed over K, in batches along z. A and B may lie transposed in memory,
// so that no kernel ever transposes a matrix:
//
//   a   [BATCH, M, K], or [BATCH, K, M] with TRANSPOSE_A 1
//   b   [BATCH, N, K] with TRANSPOSE_B 1, or [BATCH, K, N]
//   loadA(index), loadB(index)   the element of A (B) at a flat index of its memory
//   vectorB(vector)          the four elements of B from 4 · vector on: with VECTOR_B 1, for a B that is not transposed, and
//                            N and TILE_N multiples of four
//   rowOfA(m), rowOfB(k)     with ROWS_A (ROWS_B) 1: which row of that memory row m of A (k of B) is, so that a batch
//                            is read from where the data set lies; for A and B that are not transposed
//   store(index, value)      c at flat index `index` of [BATCH, M, N]
//   storeSum(index, value)   with SUMS 1: the sum over K of row m of A, [BATCH, M]; the bias gradient, when
//                            A holds the gradient of a layer's output
//
// One invocation computes a TILE_M × TILE_N block of c in registers, with no workgroup memory. Rows and columns
// past the edge are clamped to the last one when read, so the inner loop knows no bounds, and not written.
//
// The invocations of a workgroup lie side by side along N, and share the rows of A. With LANES above 1, each lane of a
// subgroup loads a LANES-th part of the elements that all lanes need, and broadcasts them to the others. Where a load costs
// the same for equal and for different lanes, as on vector units of processors, loads are most of the cost. Specialised, the
// shuffles are broadcasts of numbered lanes; with LANES 1, the shader needs no subgroups.

const M = 1u;
const N = 1u;
const K = 1u;
const TRANSPOSE_A = 0u;
const TRANSPOSE_B = 0u;
const SUMS = 0u;
const ROWS_A = 0u;
const ROWS_B = 0u;
// Elements from one matrix of the batch to the next; 0 where all share one.
const BATCH_A = 0u;
const BATCH_B = 0u;
const TILE_M = 16u;
const TILE_N = 8u;
const GROUP_X = 8u;
const GROUP_Y = 1u;
// 1, 4 or 8, at most the size of a subgroup; TILE_M is a multiple of it, GROUP_X of the size of a subgroup.
const LANES = 8u;
const VECTOR_B = 0u;

@group(1) @binding(0) var<storage, read> a: array<f32>;
@group(1) @binding(1) var<storage, read> b: array<f32>;

// Hooks: a dispatch writes their bodies, and declares the memory that they use.
fn loadA(index: u32) -> f32 { return a[index]; }
fn loadB(index: u32) -> f32 { return b[index]; }
fn rowOfA(index: u32) -> f32 { return f32(index); }
fn rowOfB(index: u32) -> f32 { return f32(index); }
fn store(index: u32, value: f32) {}
fn storeSum(index: u32, value: f32) {}

// Four elements at once, where what they are read from is bound as vectors.
fn vectorB(vector: u32) -> vec4<f32> {
  let index = vector * 4u;
  return vec4<f32>(loadB(index), loadB(index + 1u), loadB(index + 2u), loadB(index + 3u));
}

// Distance in memory from one row of A, or one column of B, to the next, and along K.
const ROW_A = select(K, 1u, TRANSPOSE_A == 1u);
const STEP_A = select(1u, M, TRANSPOSE_A == 1u);
const COLUMN_B = select(1u, K, TRANSPOSE_B == 1u);
const STEP_B = select(N, 1u, TRANSPOSE_B == 1u);
const LOADS = TILE_M / LANES;
// Whether stores take so much of the time that those of a row of the block are written out, one by one.
const LARGE = M * N >= 65536u;

@compute @workgroup_size(GROUP_X, GROUP_Y)
fn matmul(
  @builtin(workgroup_id) tile: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
  @builtin(subgroup_invocation_id) invocation: u32,
) {
  let lane = invocation % LANES;
  let matrix = tile.z;
  let row = tile.y * TILE_M;
  let column = (tile.x * GROUP_X + local.x) * TILE_N;
  var atA: array<u32, LOADS>;
  var atB: array<u32, TILE_N>;
  for (var i = 0u; i < TILE_M / LANES; i++) {
    var rowA = min(row + i * LANES + lane, M - 1u);
    if (ROWS_A == 1u) {
      rowA = u32(rowOfA(rowA));
    }
    atA[i] = matrix * BATCH_A + rowA * ROW_A;
  }
  for (var j = 0u; j < TILE_N; j++) {
    atB[j] = matrix * BATCH_B + min(column + j, N - 1u) * COLUMN_B;
  }

  var sum: array<f32, TILE_M * TILE_N>;
  // Summed along with the products, though only the first column of blocks stores them: a loop of its own over K
  // reads A again, and where K is small, software adapters unroll it and take many seconds to compile that.
  var totals: array<f32, LOADS>;
  var valuesA: array<f32, TILE_M>;
  var valuesB: array<f32, TILE_N>;
  for (var k = 0u; k < K; k++) {
    for (var i = 0u; i < TILE_M / LANES; i++) {
      let value = loadA(atA[i] + k * STEP_A);
      if (SUMS == 1u) {
        totals[i] += value;
      }
      for (var l = 0u; l < LANES; l++) {
        valuesA[i * LANES + l] = subgroupShuffle(value, l);
      }
    }
    var rowB = k;
    if (ROWS_B == 1u) {
      rowB = u32(rowOfB(k));
    }
    if (VECTOR_B == 1u) {
      for (var j = 0u; j < TILE_N / 4u; j++) {
        let values = vectorB(atB[j * 4u] / 4u + rowB * (STEP_B / 4u));
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

  // Loops with bounds that are not constant are compiled as loops: one store to compile, which narrow devices are slow at.
  // Only the copy is indexed by their counters, so the sums above stay in registers.
  var results = sum;
  let rows = select(0u, min(TILE_M, M - row), row < M);
  let columns = select(0u, min(TILE_N, N - column), column < N);
  for (var i = 0u; i < rows; i++) {
    if (LARGE) {
      for (var j = 0u; j < TILE_N; j++) {
        if (column + j < N) {
          store((matrix * M + row + i) * N + column + j, results[i * TILE_N + j]);
        }
      }
    } else {
      for (var j = 0u; j < columns; j++) {
        store((matrix * M + row + i) * N + column + j, results[i * TILE_N + j]);
      }
    }
  }

  // All subgroups of a row of blocks have the same totals; each lane stores those it added up.
  if (SUMS == 1u && tile.x == 0u && invocation < LANES) {
    for (var i = 0u; i < TILE_M / LANES; i++) {
      if (row + i * LANES + lane < M) {
        storeSum(matrix * M + row + i * LANES + lane, totals[i]);
      }
    }
  }
}

// Matrix product as in matmul.wgsl, with the same names, in tiles of two levels: a workgroup brings a tile of A and one of
// B into its own memory, DEPTH steps of K at a time, and each of its GROUP_X × GROUP_Y invocations computes a
// TILE_M × TILE_N block of c from both tiles, in registers. For devices where loads from memory take most of the time, and
// workgroups may be large.
//
// vectorA(index), vectorB(index) give four elements that lie side by side: with VECTOR_A (VECTOR_B) 1, where the size of
// the matrix along its inner axis is a multiple of four.
//
// Past the edge, rows and columns are clamped when loaded, and elements behind K are zero: the inner loop knows no
// bounds. Products are added up in the order of K, as in matmul.wgsl, with results equal to the bit.

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
const VECTOR_A = 0u;
const VECTOR_B = 0u;
// Multiples of four.
const TILE_M = 4u;
const TILE_N = 4u;
const GROUP_X = 16u;
const GROUP_Y = 16u;
const DEPTH = 16u;

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
fn vectorA(index: u32) -> vec4<f32> {
  return vec4<f32>(loadA(index), loadA(index + 1u), loadA(index + 2u), loadA(index + 3u));
}

fn vectorB(index: u32) -> vec4<f32> {
  return vec4<f32>(loadB(index), loadB(index + 1u), loadB(index + 2u), loadB(index + 3u));
}

const BLOCK_M = TILE_M * GROUP_Y;
const BLOCK_N = TILE_N * GROUP_X;
const INVOCATIONS = GROUP_X * GROUP_Y;

// [DEPTH, BLOCK_M] and [DEPTH, BLOCK_N], four rows (columns) to a vector.
var<workgroup> tileA: array<vec4<f32>, DEPTH * BLOCK_M / 4u>;
var<workgroup> tileB: array<vec4<f32>, DEPTH * BLOCK_N / 4u>;

// Four elements of A, rows row … row + 3 at step k.
fn rowsOfA(matrix: u32, row: u32, k: u32) -> vec4<f32> {
  let start = matrix * BATCH_A;
  if (TRANSPOSE_A == 1u) {
    if (VECTOR_A == 1u) {
      return vectorA(start + min(k, K - 1u) * M + min(row, M - 4u));
    }
    let at = start + min(k, K - 1u) * M;
    return vec4<f32>(
      loadA(at + min(row, M - 1u)),
      loadA(at + min(row + 1u, M - 1u)),
      loadA(at + min(row + 2u, M - 1u)),
      loadA(at + min(row + 3u, M - 1u)),
    );
  }
  let at = start + min(k, K - 1u);
  return vec4<f32>(
    loadA(at + placeA(row) * K),
    loadA(at + placeA(row + 1u) * K),
    loadA(at + placeA(row + 2u) * K),
    loadA(at + placeA(row + 3u) * K),
  );
}

// The row of memory that row `row` of A is.
fn placeA(row: u32) -> u32 {
  let inside = min(row, M - 1u);
  if (ROWS_A == 1u) {
    return u32(rowOfA(inside));
  }
  return inside;
}

// Four elements of B, columns column … column + 3 at step k.
fn columnsOfB(matrix: u32, column: u32, k: u32) -> vec4<f32> {
  let start = matrix * BATCH_B;
  if (TRANSPOSE_B == 1u) {
    let at = start + min(k, K - 1u);
    return vec4<f32>(
      loadB(at + min(column, N - 1u) * K),
      loadB(at + min(column + 1u, N - 1u) * K),
      loadB(at + min(column + 2u, N - 1u) * K),
      loadB(at + min(column + 3u, N - 1u) * K),
    );
  }
  var rowB = min(k, K - 1u);
  if (ROWS_B == 1u) {
    rowB = u32(rowOfB(rowB));
  }
  let at = start + rowB * N;
  if (VECTOR_B == 1u) {
    return vectorB(at + min(column, N - 4u));
  }
  return vec4<f32>(
    loadB(at + min(column, N - 1u)),
    loadB(at + min(column + 1u, N - 1u)),
    loadB(at + min(column + 2u, N - 1u)),
    loadB(at + min(column + 3u, N - 1u)),
  );
}

@compute @workgroup_size(GROUP_X, GROUP_Y)
fn matmulTiled(
  @builtin(workgroup_id) tile: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
) {
  let matrix = tile.z;
  let row0 = tile.y * BLOCK_M;
  let column0 = tile.x * BLOCK_N;
  let invocation = local.y * GROUP_X + local.x;

  // An invocation's block in vectors of four columns, GROUP_X vectors apart, so that neighbours read side by side.
  var sum: array<vec4<f32>, TILE_M * TILE_N / 4u>;
  var totals: array<vec4<f32>, TILE_M / 4u>;
  var valuesA: array<vec4<f32>, TILE_M / 4u>;
  var valuesB: array<vec4<f32>, TILE_N / 4u>;
  for (var start = 0u; start < K; start += DEPTH) {
    // Along the inner axis of memory, side by side: for A not transposed, that is K.
    for (var i = invocation; i < DEPTH * BLOCK_M / 4u; i += INVOCATIONS) {
      if (TRANSPOSE_A == 0u && VECTOR_A == 1u) {
        // Four steps of one row, as they lie in memory.
        let row = i / (DEPTH / 4u);
        let k = i % (DEPTH / 4u) * 4u;
        var steps = vectorA(matrix * BATCH_A + placeA(row0 + row) * K + min(start + k, K - 4u));
        if (start + k >= K) {
          steps = vec4<f32>();
        }
        tileA[k * (BLOCK_M / 4u) + row / 4u][row % 4u] = steps.x;
        tileA[(k + 1u) * (BLOCK_M / 4u) + row / 4u][row % 4u] = steps.y;
        tileA[(k + 2u) * (BLOCK_M / 4u) + row / 4u][row % 4u] = steps.z;
        tileA[(k + 3u) * (BLOCK_M / 4u) + row / 4u][row % 4u] = steps.w;
      } else {
        let k = select(i % DEPTH, i / (BLOCK_M / 4u), TRANSPOSE_A == 1u);
        let row = select(i / DEPTH, i % (BLOCK_M / 4u), TRANSPOSE_A == 1u);
        var values = rowsOfA(matrix, row0 + row * 4u, start + k);
        if (start + k >= K) {
          values = vec4<f32>();
        }
        tileA[k * (BLOCK_M / 4u) + row] = values;
      }
    }
    for (var i = invocation; i < DEPTH * BLOCK_N / 4u; i += INVOCATIONS) {
      if (TRANSPOSE_B == 1u && VECTOR_B == 1u) {
        let column = i / (DEPTH / 4u);
        let k = i % (DEPTH / 4u) * 4u;
        var steps = vectorB(matrix * BATCH_B + min(column0 + column, N - 1u) * K + min(start + k, K - 4u));
        if (start + k >= K) {
          steps = vec4<f32>();
        }
        tileB[k * (BLOCK_N / 4u) + column / 4u][column % 4u] = steps.x;
        tileB[(k + 1u) * (BLOCK_N / 4u) + column / 4u][column % 4u] = steps.y;
        tileB[(k + 2u) * (BLOCK_N / 4u) + column / 4u][column % 4u] = steps.z;
        tileB[(k + 3u) * (BLOCK_N / 4u) + column / 4u][column % 4u] = steps.w;
      } else {
        let k = select(i / (BLOCK_N / 4u), i % DEPTH, TRANSPOSE_B == 1u);
        let column = select(i % (BLOCK_N / 4u), i / DEPTH, TRANSPOSE_B == 1u);
        var values = columnsOfB(matrix, column0 + column * 4u, start + k);
        if (start + k >= K) {
          values = vec4<f32>();
        }
        tileB[k * (BLOCK_N / 4u) + column] = values;
      }
    }
    workgroupBarrier();
    for (var k = 0u; k < DEPTH; k++) {
      for (var i = 0u; i < TILE_M / 4u; i++) {
        valuesA[i] = tileA[k * (BLOCK_M / 4u) + local.y * (TILE_M / 4u) + i];
        if (SUMS == 1u) {
          totals[i] += valuesA[i];
        }
      }
      for (var j = 0u; j < TILE_N / 4u; j++) {
        valuesB[j] = tileB[k * (BLOCK_N / 4u) + j * GROUP_X + local.x];
      }
      for (var i = 0u; i < TILE_M; i++) {
        for (var j = 0u; j < TILE_N / 4u; j++) {
          sum[i * (TILE_N / 4u) + j] = fma(vec4<f32>(valuesA[i / 4u][i % 4u]), valuesB[j], sum[i * (TILE_N / 4u) + j]);
        }
      }
    }
    workgroupBarrier();
  }

  // As in matmul.wgsl: a loop that is compiled as one, over a copy of the sums.
  var results = sum;
  let row = row0 + local.y * TILE_M;
  let rows = select(0u, min(TILE_M, M - row), row < M);
  for (var i = 0u; i < rows; i++) {
    for (var j = 0u; j < TILE_N / 4u; j++) {
      let column = column0 + (j * GROUP_X + local.x) * 4u;
      let values = results[i * (TILE_N / 4u) + j];
      for (var c = 0u; c < 4u; c++) {
        if (column + c < N) {
          store((matrix * M + row + i) * N + column + c, values[c]);
        }
      }
    }
  }

  if (SUMS == 1u && column0 == 0u && local.x == 0u) {
    for (var i = 0u; i < TILE_M; i++) {
      if (row + i < M) {
        storeSum(matrix * M + row + i, totals[i / 4u][i % 4u]);
      }
    }
  }
}

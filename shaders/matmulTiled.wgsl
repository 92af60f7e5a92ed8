// Matrix product as in matmul.wgsl, with the same names, in tiles of workgroup memory (tile.wgsl). For devices where loads
// from memory take most of the time, and workgroups may be large.
//
// vectorA(index), vectorB(index) give four elements that lie side by side: with VECTOR_A (VECTOR_B) 1, where the size of
// the matrix along its inner axis is a multiple of four.
//
// An invocation brings in units of four elements, at the same place of each tile. While a tile is multiplied, the loads of
// the next are on their way. Past the edge, rows and columns are clamped, and elements behind K are zero: the inner loop
// knows no bounds. With SLICES 1, results equal those of matmul.wgsl to the bit.

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

// Whether a unit is four steps of a row (column), as they lie in memory, or four rows (columns) of a step.
const ALONG_A = TRANSPOSE_A == 0u && VECTOR_A == 1u;
const ALONG_B = TRANSPOSE_B == 1u && VECTOR_B == 1u;
// Distance in memory from one step of K to the next.
const STEP_A = select(1u, M, TRANSPOSE_A == 1u);
const STEP_B = select(N, 1u, TRANSPOSE_B == 1u);
// Units of a tile, and of an invocation.
const COUNT_A = DEPTH * ROW_A;
const COUNT_B = DEPTH * ROW_B;
const UNITS_A = (COUNT_A + INVOCATIONS - 1u) / INVOCATIONS;
const UNITS_B = (COUNT_B + INVOCATIONS - 1u) / INVOCATIONS;
// Sums over K of rows of A, for each invocation.
const TOTALS = (BLOCK_M + INVOCATIONS - 1u) / INVOCATIONS;

// The first row (column) and step of unit i, within the tile. Neighbours read side by side.
fn rowOfUnit(i: u32) -> u32 {
  if (ALONG_A) {
    return i / (DEPTH / 4u);
  }
  return select(i / DEPTH, i % ROW_A, TRANSPOSE_A == 1u) * 4u;
}

fn stepOfUnitA(i: u32) -> u32 {
  if (ALONG_A) {
    return i % (DEPTH / 4u) * 4u;
  }
  return select(i % DEPTH, i / ROW_A, TRANSPOSE_A == 1u);
}

fn columnOfUnit(i: u32) -> u32 {
  if (ALONG_B) {
    return i / (DEPTH / 4u);
  }
  return select(i % ROW_B, i / DEPTH, TRANSPOSE_B == 1u) * 4u;
}

fn stepOfUnitB(i: u32) -> u32 {
  if (ALONG_B) {
    return i % (DEPTH / 4u) * 4u;
  }
  return select(i / ROW_B, i % DEPTH, TRANSPOSE_B == 1u);
}

// Where the four elements of unit i lie in memory, in the first turn; only the first counts where they lie side by side.
fn placesOfA(matrix: u32, row0: u32, i: u32) -> vec4<u32> {
  let first = matrix * BATCH_A + stepOfUnitA(i) * STEP_A;
  let row = row0 + rowOfUnit(i);
  if (TRANSPOSE_A == 1u) {
    if (VECTOR_A == 1u) {
      return vec4<u32>(first + clampedTo(row, M, BLOCK_M, 4u));
    }
    return first + clampedRows(row);
  }
  var rows = clampedRows(row);
  if (ROWS_A == 1u) {
    rows = vec4<u32>(u32(rowOfA(rows.x)), u32(rowOfA(rows.y)), u32(rowOfA(rows.z)), u32(rowOfA(rows.w)));
  }
  return first + rows * K;
}

fn clampedRows(row: u32) -> vec4<u32> {
  return vec4<u32>(
    clampedTo(row, M, BLOCK_M, 1u),
    clampedTo(row + 1u, M, BLOCK_M, 1u),
    clampedTo(row + 2u, M, BLOCK_M, 1u),
    clampedTo(row + 3u, M, BLOCK_M, 1u),
  );
}

fn placesOfB(matrix: u32, column0: u32, i: u32) -> vec4<u32> {
  let first = matrix * BATCH_B + select(stepOfUnitB(i), 0u, ROWS_B == 1u) * STEP_B;
  let column = column0 + columnOfUnit(i);
  if (TRANSPOSE_B == 0u && VECTOR_B == 1u) {
    return vec4<u32>(first + clampedTo(column, N, BLOCK_N, 4u));
  }
  let columns = vec4<u32>(
    clampedTo(column, N, BLOCK_N, 1u),
    clampedTo(column + 1u, N, BLOCK_N, 1u),
    clampedTo(column + 2u, N, BLOCK_N, 1u),
    clampedTo(column + 3u, N, BLOCK_N, 1u),
  );
  return first + columns * select(1u, K, TRANSPOSE_B == 1u);
}

// The start of a group of `count`, at most the last one of `size`; where blocks fill the size, nothing lies outside.
fn clampedTo(start: u32, size: u32, block: u32, count: u32) -> u32 {
  if (size % block == 0u) {
    return start;
  }
  return min(start, size - count);
}

// The units of a turn that begins with step `start` of K.
fn unitOfA(places: vec4<u32>, start: u32, i: u32) -> vec4<f32> {
  let at = places + start * STEP_A;
  var values: vec4<f32>;
  if (VECTOR_A == 1u) {
    values = vectorA(at.x);
  } else {
    values = vec4<f32>(loadA(at.x), loadA(at.y), loadA(at.z), loadA(at.w));
  }
  return select(vec4<f32>(), values, K % DEPTH == 0u || start + stepOfUnitA(i) < K);
}

fn unitOfB(places: vec4<u32>, start: u32, i: u32) -> vec4<f32> {
  var row = start;
  if (ROWS_B == 1u) {
    row = u32(rowOfB(start + stepOfUnitB(i)));
  }
  let at = places + row * STEP_B;
  var values: vec4<f32>;
  if (VECTOR_B == 1u) {
    values = vectorB(at.x);
  } else {
    values = vec4<f32>(loadB(at.x), loadB(at.y), loadB(at.z), loadB(at.w));
  }
  return select(vec4<f32>(), values, K % DEPTH == 0u || start + stepOfUnitB(i) < K);
}

@compute @workgroup_size(INVOCATIONS)
fn matmulTiled(
  @builtin(workgroup_id) tile: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let matrix = tile.z;
  let row0 = tile.y * BLOCK_M;
  let column0 = tile.x * BLOCK_N;
  var placesA: array<vec4<u32>, UNITS_A>;
  var placesB: array<vec4<u32>, UNITS_B>;
  var nextA: array<vec4<f32>, UNITS_A>;
  var nextB: array<vec4<f32>, UNITS_B>;
  for (var q = 0u; q < UNITS_A; q++) {
    let i = q * INVOCATIONS + local;
    placesA[q] = placesOfA(matrix, row0, i);
    nextA[q] = unitOfA(placesA[q], 0u, i);
  }
  for (var q = 0u; q < UNITS_B; q++) {
    let i = q * INVOCATIONS + local;
    placesB[q] = placesOfB(matrix, column0, i);
    nextB[q] = unitOfB(placesB[q], 0u, i);
  }

  var block: Block;
  var totals: array<f32, TOTALS>;
  for (var start = 0u; start < K; start += DEPTH) {
    for (var q = 0u; q < UNITS_A; q++) {
      let i = q * INVOCATIONS + local;
      if (COUNT_A % INVOCATIONS == 0u || i < COUNT_A) {
        let row = rowOfUnit(i);
        let k = stepOfUnitA(i);
        if (ALONG_A) {
          tiles[k * ROW_A + row / 4u][row % 4u] = nextA[q].x;
          tiles[(k + 1u) * ROW_A + row / 4u][row % 4u] = nextA[q].y;
          tiles[(k + 2u) * ROW_A + row / 4u][row % 4u] = nextA[q].z;
          tiles[(k + 3u) * ROW_A + row / 4u][row % 4u] = nextA[q].w;
        } else {
          tiles[k * ROW_A + row / 4u] = nextA[q];
        }
      }
    }
    for (var q = 0u; q < UNITS_B; q++) {
      let i = q * INVOCATIONS + local;
      if (COUNT_B % INVOCATIONS == 0u || i < COUNT_B) {
        let column = columnOfUnit(i);
        let k = stepOfUnitB(i);
        if (ALONG_B) {
          tiles[START_B + k * ROW_B + column / 4u][column % 4u] = nextB[q].x;
          tiles[START_B + (k + 1u) * ROW_B + column / 4u][column % 4u] = nextB[q].y;
          tiles[START_B + (k + 2u) * ROW_B + column / 4u][column % 4u] = nextB[q].z;
          tiles[START_B + (k + 3u) * ROW_B + column / 4u][column % 4u] = nextB[q].w;
        } else {
          tiles[START_B + k * ROW_B + column / 4u] = nextB[q];
        }
      }
    }
    workgroupBarrier();
    if (start + DEPTH < K) {
      for (var q = 0u; q < UNITS_A; q++) {
        nextA[q] = unitOfA(placesA[q], start + DEPTH, q * INVOCATIONS + local);
      }
      for (var q = 0u; q < UNITS_B; q++) {
        nextB[q] = unitOfB(placesB[q], start + DEPTH, q * INVOCATIONS + local);
      }
    }
    if (SUMS == 1u && tile.x == 0u) {
      // Each invocation adds up rows of its own, so that the blocks' loop has multiply-adds alone.
      for (var q = 0u; q < TOTALS; q++) {
        let row = q * INVOCATIONS + local;
        if (BLOCK_M % INVOCATIONS == 0u || row < BLOCK_M) {
          for (var k = 0u; k < DEPTH; k++) {
            totals[q] += tiles[k * ROW_A + row / 4u][row % 4u];
          }
        }
      }
    }
    multiplyTiles(&block, local);
    workgroupBarrier();
  }
  addSlices(&block, local);

  if (isStoring(local)) {
    for (var r = 0u; r < TILE_STORED; r++) {
      let row = row0 + rowOf(r, local);
      let column = column0 + columnOf(r, local);
      let at = (matrix * M + row) * N + column;
      if (N % 4u == 0u) {
        if ((M % BLOCK_M == 0u || row < M) && (N % BLOCK_N == 0u || column < N)) {
          store(at, block[r].x);
          store(at + 1u, block[r].y);
          store(at + 2u, block[r].z);
          store(at + 3u, block[r].w);
        }
      } else if (M % BLOCK_M == 0u || row < M) {
        for (var c = 0u; c < 4u; c++) {
          if (column + c < N) {
            store(at + c, block[r][c]);
          }
        }
      }
    }
  }
  if (SUMS == 1u && tile.x == 0u) {
    for (var q = 0u; q < TOTALS; q++) {
      let row = q * INVOCATIONS + local;
      if (row < BLOCK_M && row0 + row < M) {
        storeSum(matrix * M + row0 + row, totals[q]);
      }
    }
  }
}

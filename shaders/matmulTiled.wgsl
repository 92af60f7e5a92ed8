// Matrix product as in matmul.wgsl, with the same names, in tiles of workgroup memory (tile.wgsl, tileTotals.wgsl). For
// devices where loads from memory take most of the time, and workgroups may be large.
//
//   vectorA(vector), vectorB(vector)   the four elements from 4 · vector on: with VECTOR_A (VECTOR_B) 1, where the size of
//                                      the matrix along its inner axis is a multiple of four
//   storeVector(index, value)          four elements of c, where N is a multiple of four
//
// An invocation brings in units of four elements, at the same place of each tile. While a tile is multiplied, the loads of
// the next are on their way. Past the edge, rows and columns are clamped, and in a last turn elements behind K are zero:
// the loop over whole turns knows no bounds. With SLICES 1, results equal those of matmul.wgsl to the bit.

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
fn vectorA(vector: u32) -> vec4<f32> {
  let index = vector * 4u;
  return vec4<f32>(loadA(index), loadA(index + 1u), loadA(index + 2u), loadA(index + 3u));
}

fn vectorB(vector: u32) -> vec4<f32> {
  let index = vector * 4u;
  return vec4<f32>(loadB(index), loadB(index + 1u), loadB(index + 2u), loadB(index + 3u));
}

fn isStoreLong() -> bool { return false; }

fn storeVector(index: u32, value: vec4<f32>) {
  store(index, value.x);
  store(index + 1u, value.y);
  store(index + 2u, value.z);
  store(index + 3u, value.w);
}

// Whether a unit is four steps of a row (column), as they lie in memory, or four rows (columns) of a step.
const ALONG_A = TRANSPOSE_A == 0u && VECTOR_A == 1u;
const ALONG_B = TRANSPOSE_B == 1u && VECTOR_B == 1u;
// Distance in memory from one step of K to the next, in the elements or vectors that places count.
const STEP_A = select(1u, M, TRANSPOSE_A == 1u);
const STEP_B = select(N, 1u, TRANSPOSE_B == 1u);
const WIDTH_A = select(1u, 4u, VECTOR_A == 1u);
const WIDTH_B = select(1u, 4u, VECTOR_B == 1u);
// Whether blocks fill the rows (columns).
const WHOLE_M = M % BLOCK_M == 0u;
const WHOLE_N = N % BLOCK_N == 0u;
// Steps in whole turns.
const WHOLE = K / DEPTH * DEPTH;
// Units of a tile, and of an invocation.
const UNITS_A = DEPTH * ROW_A;
const UNITS_B = DEPTH * ROW_B;
const OWN_A = (UNITS_A + INVOCATIONS - 1u) / INVOCATIONS;
const OWN_B = (UNITS_B + INVOCATIONS - 1u) / INVOCATIONS;
const TILES_X = (N + BLOCK_N - 1u) / BLOCK_N;

// The first step of unit i. Units of neighbours lie side by side in memory.
fn stepOfA(i: u32) -> u32 {
  if (ALONG_A) {
    return i % (DEPTH / 4u) * 4u;
  }
  return select(i % DEPTH, i / ROW_A, TRANSPOSE_A == 1u);
}

fn stepOfB(i: u32) -> u32 {
  if (ALONG_B) {
    return i % (DEPTH / 4u) * 4u;
  }
  return select(i / ROW_B, i % DEPTH, TRANSPOSE_B == 1u);
}

// Where the elements of unit i lie in memory in the first turn; with VECTOR_A, only .x counts, in vectors.
fn placesOfA(matrix: u32, row0: u32, i: u32) -> vec4<u32> {
  let first = matrix * BATCH_A + stepOfA(i) * STEP_A;
  if (ALONG_A) {
    return vec4<u32>((first + pickedRow(inside(row0 + i / (DEPTH / 4u), M, WHOLE_M)) * K) / 4u);
  }
  if (TRANSPOSE_A == 1u) {
    let row = row0 + i % ROW_A * 4u;
    if (VECTOR_A == 1u) {
      return vec4<u32>((first + insideFours(row, M, WHOLE_M)) / 4u);
    }
    return first + fourInside(row, M, WHOLE_M);
  }
  let rows = fourInside(row0 + i / DEPTH * 4u, M, WHOLE_M);
  return first + vec4<u32>(pickedRow(rows.x), pickedRow(rows.y), pickedRow(rows.z), pickedRow(rows.w)) * K;
}

fn pickedRow(row: u32) -> u32 {
  if (ROWS_A == 1u) {
    return u32(rowOfA(row));
  }
  return row;
}

fn placesOfB(matrix: u32, column0: u32, i: u32) -> vec4<u32> {
  let first = matrix * BATCH_B + select(stepOfB(i), 0u, ROWS_B == 1u) * STEP_B;
  if (ALONG_B) {
    return vec4<u32>((first + inside(column0 + i / (DEPTH / 4u), N, WHOLE_N) * K) / 4u);
  }
  if (TRANSPOSE_B == 1u) {
    return first + fourInside(column0 + i / DEPTH * 4u, N, WHOLE_N) * K;
  }
  let column = column0 + i % ROW_B * 4u;
  if (VECTOR_B == 1u) {
    return vec4<u32>((first + insideFours(column, N, WHOLE_N)) / 4u);
  }
  return first + fourInside(column, N, WHOLE_N);
}

// Clamped to the last row (column) of a matrix; where blocks fill it, none lies outside.
fn inside(at: u32, size: u32, isWhole: bool) -> u32 {
  if (isWhole) {
    return at;
  }
  return min(at, size - 1u);
}

fn insideFours(at: u32, size: u32, isWhole: bool) -> u32 {
  if (isWhole) {
    return at;
  }
  return min(at, size - 4u);
}

fn fourInside(at: u32, size: u32, isWhole: bool) -> vec4<u32> {
  return vec4<u32>(
    inside(at, size, isWhole),
    inside(at + 1u, size, isWhole),
    inside(at + 2u, size, isWhole),
    inside(at + 3u, size, isWhole),
  );
}

// What an invocation brings in: where its units lie, and their elements in a turn.
struct Places {
  rows: array<vec4<u32>, OWN_A>,
  columns: array<vec4<u32>, OWN_B>,
}

struct Units {
  rows: array<vec4<f32>, OWN_A>,
  columns: array<vec4<f32>, OWN_B>,
}

fn placesOf(matrix: u32, row0: u32, column0: u32, local: u32) -> Places {
  var places: Places;
  for (var q = 0u; q < OWN_A; q++) {
    places.rows[q] = placesOfA(matrix, row0, q * INVOCATIONS + local);
  }
  for (var q = 0u; q < OWN_B; q++) {
    places.columns[q] = placesOfB(matrix, column0, q * INVOCATIONS + local);
  }
  return places;
}

// The units of the turn that begins with step `start` of K; `isLast` where steps behind K are to be zero.
fn unitsOf(places: ptr<function, Places>, start: u32, isLast: bool, local: u32) -> Units {
  var units: Units;
  for (var q = 0u; q < OWN_A; q++) {
    units.rows[q] = unitOfA((*places).rows[q] + start * STEP_A / WIDTH_A);
    if (isLast) {
      units.rows[q] = select(vec4<f32>(), units.rows[q], start + stepOfA(q * INVOCATIONS + local) < K);
    }
  }
  for (var q = 0u; q < OWN_B; q++) {
    let k = start + stepOfB(q * INVOCATIONS + local);
    var row = start;
    if (ROWS_B == 1u) {
      row = u32(rowOfB(k));
    }
    units.columns[q] = unitOfB((*places).columns[q] + row * STEP_B / WIDTH_B);
    if (isLast) {
      units.columns[q] = select(vec4<f32>(), units.columns[q], k < K);
    }
  }
  return units;
}

fn unitOfA(at: vec4<u32>) -> vec4<f32> {
  if (VECTOR_A == 1u) {
    return vectorA(at.x);
  }
  return vec4<f32>(loadA(at.x), loadA(at.y), loadA(at.z), loadA(at.w));
}

fn unitOfB(at: vec4<u32>) -> vec4<f32> {
  if (VECTOR_B == 1u) {
    return vectorB(at.x);
  }
  return vec4<f32>(loadB(at.x), loadB(at.y), loadB(at.z), loadB(at.w));
}

// Brings the units into the tiles. The least values show that no index lies outside.
fn keep(units: Units, local: u32) {
  for (var q = 0u; q < OWN_A; q++) {
    let i = q * INVOCATIONS + min(local, INVOCATIONS - 1u);
    if (UNITS_A % INVOCATIONS == 0u || i < UNITS_A) {
      if (ALONG_A) {
        let at = i % (DEPTH / 4u) * 4u * ROW_A + i / (DEPTH / 4u) / 4u;
        let row = i / (DEPTH / 4u) % 4u;
        tiles[at][row] = units.rows[q].x;
        tiles[at + ROW_A][row] = units.rows[q].y;
        tiles[at + 2u * ROW_A][row] = units.rows[q].z;
        tiles[at + 3u * ROW_A][row] = units.rows[q].w;
      } else if (TRANSPOSE_A == 1u) {
        tiles[i] = units.rows[q];
      } else {
        tiles[i % DEPTH * ROW_A + i / DEPTH] = units.rows[q];
      }
    }
  }
  for (var q = 0u; q < OWN_B; q++) {
    let i = q * INVOCATIONS + min(local, INVOCATIONS - 1u);
    if (UNITS_B % INVOCATIONS == 0u || i < UNITS_B) {
      if (ALONG_B) {
        let at = START_B + i % (DEPTH / 4u) * 4u * ROW_B + i / (DEPTH / 4u) / 4u;
        let column = i / (DEPTH / 4u) % 4u;
        tiles[at][column] = units.columns[q].x;
        tiles[at + ROW_B][column] = units.columns[q].y;
        tiles[at + 2u * ROW_B][column] = units.columns[q].z;
        tiles[at + 3u * ROW_B][column] = units.columns[q].w;
      } else if (TRANSPOSE_B == 1u) {
        tiles[START_B + i % DEPTH * ROW_B + i / DEPTH] = units.columns[q];
      } else {
        tiles[START_B + i] = units.columns[q];
      }
    }
  }
}

fn storeFour(matrix: u32, row: u32, column: u32, values: vec4<f32>) {
  let at = (matrix * M + row) * N + column;
  if (WHOLE_M || row < M) {
    if (N % 4u != 0u) {
      for (var c = 0u; c < 4u; c++) {
        if (column + c < N) {
          store(at + c, values[c]);
        }
      }
    } else if (WHOLE_N || column < N) {
      storeVector(at, values);
    }
  }
}

@compute @workgroup_size(INVOCATIONS)
fn matmulTiled(
  @builtin(workgroup_id) tile: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let matrix = tile.z;
  let row0 = tile.y * BLOCK_M;
  let column0 = tile.x * BLOCK_N;
  var places = placesOf(matrix, row0, column0, local);
  var units = unitsOf(&places, 0u, WHOLE == 0u, local);
  let starts = startsOf(local);
  let firstTotals = totalsFrom(tile.x, local);
  var block: Block;
  var totals: Totals;
  for (var start = 0u; start < WHOLE; start += DEPTH) {
    keep(units, local);
    workgroupBarrier();
    if (WHOLE > DEPTH) {
      units = unitsOf(&places, min(start + DEPTH, WHOLE - DEPTH), false, local);
    }
    if (SUMS == 1u && tile.x < SHARES) {
      addTotals(&totals, firstTotals);
    }
    multiplyTiles(&block, starts);
    workgroupBarrier();
  }
  if (WHOLE < K) {
    if (WHOLE > 0u) {
      units = unitsOf(&places, WHOLE, true, local);
    }
    keep(units, local);
    workgroupBarrier();
    if (SUMS == 1u && tile.x < SHARES) {
      addTotals(&totals, firstTotals);
    }
    for (var step = 0u; step < (K % DEPTH + SLICES - 1u) / SLICES; step++) {
      multiplyStep(&block, starts, step);
    }
    workgroupBarrier();
  }
  addSlices(&block, local);

  if (isStoring(local)) {
    if (isStoreLong()) {
      // Through workgroup memory, which a loop may index: with a bound that is not constant, it stays one.
      for (var stage = 0u; stage < TILE_STAGES; stage++) {
        putStage(&block, stage, local);
        let count = select(min(TILE_STAGE, TILE_STORED - stage * TILE_STAGE), 0u, row0 >= M);
        for (var i = 0u; i < count; i++) {
          let r = stage * TILE_STAGE + i;
          storeFour(matrix, row0 + rowOf(r, local), column0 + columnOf(r, local), staged(i, local));
        }
      }
    } else {
      for (var r = 0u; r < TILE_STORED; r++) {
        storeFour(matrix, row0 + rowOf(r, local), column0 + columnOf(r, local), block[r]);
      }
    }
  }
  if (SUMS == 1u && tile.x < SHARES) {
    joinTotals(&totals, local);
    for (var q = 0u; q < TOTALS; q++) {
      let row = rowOfTotal(tile.x, q, local);
      if (local < PLACES && row < BLOCK_M && row0 + row < M) {
        storeSum(matrix * M + row0 + row, totals[q]);
      }
    }
  }
}

// Rows added up by index: result [ROWS, WIDTH], row r being the sum of those rows of element [COUNT, WIDTH]
// whose index is r. Rows without an index are zeros; an index beyond the rows is left out.
//
// A workgroup computes BLOCK rows × COLUMNS columns, in its own memory. Its invocations look through the indices together,
// CHUNK at a time, and mark the indices of its rows in a bit each; the invocation of a row's column then adds up the marked, in
// order, so that the sums are the same in every run. COLUMNS is a power of two, at most WORKGROUP.
//
//   rowOf(i)         the index of row i of element
//   element(index)   the values, [COUNT, WIDTH]
//   store(index, value)   the results, [ROWS, WIDTH]

const ROWS = 1u;
const WIDTH = 1u;
const COUNT = 1u;
const BLOCK = 32u;
const COLUMNS = 64u;
const WORKGROUP = 64u;

const CHUNK = WORKGROUP * 16u;
const WORDS = CHUNK / 32u;
// Invocations that have the same column; each has every so many-th row of it.
const PARTS = WORKGROUP / COLUMNS;

// Hooks: a dispatch writes their bodies, and declares the memory that they use.
fn rowOf(index: u32) -> f32 { return 0.0; }
fn element(index: u32) -> f32 { return 0.0; }
fn store(index: u32, value: f32) {}

var<workgroup> sums: array<f32, BLOCK * COLUMNS>;
var<workgroup> places: array<u32, CHUNK>;
var<workgroup> marked: array<atomic<u32>, WORDS>;

@compute @workgroup_size(WORKGROUP)
fn scatterRows(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let first = group.x * BLOCK;
  let place0 = local % COLUMNS;
  let column = group.y * COLUMNS + place0;
  let part = local / COLUMNS;
  for (var at = local; at < BLOCK * COLUMNS; at += WORKGROUP) {
    sums[at] = 0.0;
  }
  for (var start = 0u; start < COUNT; start += CHUNK) {
    if (local < WORDS) {
      atomicStore(&marked[local], 0u);
    }
    workgroupBarrier();
    let length = min(CHUNK, COUNT - start);
    for (var i = local; i < length; i += WORKGROUP) {
      let row = rowOf(start + i);
      if (row >= f32(first) && row < f32(min(first + BLOCK, ROWS))) {
        places[i] = u32(row) - first;
        atomicOr(&marked[i / 32u], 1u << (i % 32u));
      }
    }
    workgroupBarrier();
    for (var word = 0u; word * 32u < length; word++) {
      for (var left = atomicLoad(&marked[word]); left != 0u; left &= left - 1u) {
        let i = word * 32u + countTrailingZeros(left);
        let place = places[i];
        if (place % PARTS == part && column < WIDTH) {
          sums[place * COLUMNS + place0] += element((start + i) * WIDTH + column);
        }
      }
    }
    workgroupBarrier();
  }
  for (var place = part; place < BLOCK; place += PARTS) {
    if (first + place < ROWS && column < WIDTH) {
      store((first + place) * WIDTH + column, sums[place * COLUMNS + place0]);
    }
  }
}

// Tiles of a product c = A · B, summed over K, that a workgroup computes together: what all families of products share. A
// family's shader comes before this text: both are one module.
//
// A workgroup computes BLOCK_M × BLOCK_N elements of c. Its INVOCATIONS lie in one row, numbered by `local`
// (local_invocation_index): GROUP_X · GROUP_Y of them lie side by side over c, column first, and each computes a block of
// TILE_M × TILE_N elements in registers. SLICES such groups share the sums: each adds up every SLICES-th product.
//
// The family writes its entry point, @workgroup_size(INVOCATIONS), with
//   - positions in memory, computed once, before the loop over K;
//   - in turns of DEPTH steps of K, the loads: tiles[k · ROW_A + row / 4][row % 4] is A at (row, k), and
//     tiles[START_B + k · ROW_B + column / 4][column % 4] is B at (k, column), for k below DEPTH, row below BLOCK_M and
//     column below BLOCK_N; a barrier; multiplyTiles(&block, startsOf(local)); a barrier;
//   - addSlices(&block, local), after which an invocation holds those of the block's vectors that it stores;
//   - the loop that stores them, r < TILE_STORED, where isStoring(local): block[r] are the four columns from
//     columnOf(r, local) of row rowOf(r, local) of the workgroup's tile.
// Loads and stores in loops with constant bounds, of the form `let i = q * INVOCATIONS + local`: compilers then unroll
// them, and see that no index lies outside. An array in registers that is indexed by a variable would lie in memory.
//
// Products are added up in the order of K. With several slices, each slice adds up its own in that order, and the
// slices' sums are added up in theirs.

// Multiples of four.
const TILE_M = 8u;
const TILE_N = 8u;
const GROUP_X = 8u;
const GROUP_Y = 8u;
// A divisor of DEPTH.
const SLICES = 1u;
const DEPTH = 8u;

const BLOCK_M = TILE_M * GROUP_Y;
const BLOCK_N = TILE_N * GROUP_X;
const PLACES = GROUP_X * GROUP_Y;
const INVOCATIONS = PLACES * SLICES;
// Vectors of four: in a row of each tile, and before the tile of B.
const ROW_A = BLOCK_M / 4u;
const ROW_B = BLOCK_N / 4u;
const START_B = DEPTH * ROW_A;
// Vectors of a block, of a row of it, those of a round of adding up the slices, and those that an invocation stores.
// A round has a power of two of vectors, up to four and to the number of slices.
const TILE_VECTORS = TILE_M * TILE_N / 4u;
const ACROSS = TILE_N / 4u;
const TILE_ROUND = 8u / min(8u, 9u / min(SLICES, 4u));
const TILE_STORED = TILE_VECTORS / TILE_ROUND;

alias Block = array<vec4<f32>, TILE_VECTORS>;

// Vectors that an invocation stores by way of the tiles' memory, and their stages.
const TILE_STAGE = min(TILE_STORED, 4u);
const TILE_STAGES = (TILE_STORED + TILE_STAGE - 1u) / TILE_STAGE;

// The tiles, later the sums of a round, and in the end the vectors of a stage.
var<workgroup> tiles: array<vec4<f32>, max(DEPTH * (ROW_A + ROW_B), max(TILE_ROUND, TILE_STAGE) * INVOCATIONS)>;

// The invocation's first vectors of both tiles.
fn startsOf(local: u32) -> vec2<u32> {
  let slice = local / PLACES % SLICES;
  return vec2<u32>(
    slice * ROW_A + local / GROUP_X % GROUP_Y,
    slice * ROW_B + local % GROUP_X,
  );
}

// Adds the products of this turn to the block. Starts are known before the loop: quotients that are no shifts are dear.
fn multiplyTiles(block: ptr<function, Block>, starts: vec2<u32>) {
  for (var step = 0u; step < DEPTH / SLICES; step++) {
    multiplyStep(block, starts, step);
  }
}

// One of the DEPTH / SLICES steps of each slice: a last turn may have fewer.
fn multiplyStep(block: ptr<function, Block>, starts: vec2<u32>, step: u32) {
  var valuesA: array<vec4<f32>, TILE_M / 4u>;
  var valuesB: array<vec4<f32>, TILE_N / 4u>;
  // The least values are for compilers: they show that indices are inside.
  let k = min(step, DEPTH / SLICES - 1u) * SLICES;
  let startA = min(starts.x, (SLICES - 1u) * ROW_A + GROUP_Y - 1u);
  let startB = START_B + min(starts.y, (SLICES - 1u) * ROW_B + GROUP_X - 1u);
  // Vectors lie GROUP_Y and GROUP_X apart, so that neighbours read side by side.
  for (var i = 0u; i < TILE_M / 4u; i++) {
    valuesA[i] = tiles[startA + k * ROW_A + i * GROUP_Y];
  }
  for (var j = 0u; j < TILE_N / 4u; j++) {
    valuesB[j] = tiles[startB + k * ROW_B + j * GROUP_X];
  }
  for (var i = 0u; i < TILE_M; i++) {
    for (var j = 0u; j < TILE_N / 4u; j++) {
      (*block)[i * ACROSS + j] = fma(vec4<f32>(valuesA[i / 4u][i % 4u]), valuesB[j], (*block)[i * ACROSS + j]);
    }
  }
}

// Adds up the slices' blocks, in rounds: of TILE_ROUND vectors, each of the first TILE_ROUND slices adds up one.
fn addSlices(block: ptr<function, Block>, local: u32) {
  if (SLICES == 1u) {
    return;
  }
  let slice = local / PLACES % SLICES;
  for (var r = 0u; r < TILE_STORED; r++) {
    for (var v = 0u; v < TILE_ROUND; v++) {
      tiles[v * INVOCATIONS + local % INVOCATIONS] = (*block)[r * TILE_ROUND + v];
    }
    workgroupBarrier();
    if (slice < TILE_ROUND) {
      var sum = tiles[slice * INVOCATIONS + local % PLACES];
      for (var other = 1u; other < SLICES; other++) {
        sum += tiles[slice * INVOCATIONS + other * PLACES + local % PLACES];
      }
      (*block)[r] = sum;
    }
    workgroupBarrier();
  }
}

// Of more slices than a round has vectors, the last ones have none to store.
fn isStoring(local: u32) -> bool {
  return TILE_ROUND == SLICES || local / PLACES < TILE_ROUND;
}

fn rowOf(r: u32, local: u32) -> u32 {
  let vector = r * TILE_ROUND + local / PLACES;
  let row = select(vector, r, SLICES == 1u) / ACROSS;
  return (row / 4u * GROUP_Y + local / GROUP_X % GROUP_Y) * 4u + row % 4u;
}

fn columnOf(r: u32, local: u32) -> u32 {
  let vector = r * TILE_ROUND + local / PLACES;
  return (select(vector, r, SLICES == 1u) % ACROSS * GROUP_X + local % GROUP_X) * 4u;
}

// For a loop over the vectors to store: brings those of a stage into the tiles' memory, for the invocation itself.
fn putStage(block: ptr<function, Block>, stage: u32, local: u32) {
  for (var i = 0u; i < TILE_STAGE; i++) {
    tiles[i * INVOCATIONS + local % INVOCATIONS] = (*block)[min(stage * TILE_STAGE + i, TILE_STORED - 1u)];
  }
}

fn staged(i: u32, local: u32) -> vec4<f32> {
  return tiles[i * INVOCATIONS + local % INVOCATIONS];
}

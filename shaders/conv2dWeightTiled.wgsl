// The gradient of a convolution's weight as in conv2d.wgsl, with the same names, in tiles of workgroup memory (tile.wgsl): a
// workgroup computes BLOCK_M filters × BLOCK_N taps of channels of one group, over one of SPLITS shares of the lines (rows of
// pixels) of all output images.
//
// In a turn, DEPTH pixels are brought in: CHUNK neighbours of each of LINES lines. Which line that is, and where in it, is
// the same for all invocations where a turn has one line. Products are added up in the order of the pixels; with several
// slices, each slice adds up its own in that order, and the slices' sums are added up in theirs.

const BATCH = 1u;
const CHANNELS = 1u;
const H = 1u;
const W = 1u;
const FILTERS = 1u;
const OUT_H = 1u;
const OUT_W = 1u;
const KERNEL_H = 1u;
const KERNEL_W = 1u;
const STRIDE_H = 1u;
const STRIDE_W = 1u;
const PAD_H = 0u;
const PAD_W = 0u;
const DILATION_H = 1u;
const DILATION_W = 1u;
const GROUPS = 1u;
const SPLITS = 1u;
const SUMS = 0u;
// A divisor of DEPTH, and at most OUT_W where a turn has several lines; and a divisor of it: pixels side by side that an
// invocation brings in.
const CHUNK = 8u;
const RUN = 1u;

const CHANNELS_PER_GROUP = CHANNELS / GROUPS;
const FILTERS_PER_GROUP = FILTERS / GROUPS;
const TAPS = KERNEL_H * KERNEL_W;
const COLUMNS = CHANNELS_PER_GROUP * TAPS;
const ROW_BLOCKS = (FILTERS_PER_GROUP + BLOCK_M - 1u) / BLOCK_M;
const SHARE = (BATCH * OUT_H + SPLITS - 1u) / SPLITS;
const LINES = DEPTH / CHUNK;
const CHUNKS = (OUT_W + CHUNK - 1u) / CHUNK;
// Whether any tap of any pixel can fall into the padding.
const PADDED = PAD_H > 0u || PAD_W > 0u
  || (OUT_H - 1u) * STRIDE_H + (KERNEL_H - 1u) * DILATION_H >= H
  || (OUT_W - 1u) * STRIDE_W + (KERNEL_W - 1u) * DILATION_W >= W;

// An invocation brings in RUN pixels of four neighbouring rows, and that LOADS_A times, VECTORS_A times four rows apart; of
// B likewise.
const RUNS = DEPTH / RUN;
const LOADS_A = (ROW_A + INVOCATIONS / RUNS - 1u) / (INVOCATIONS / RUNS);
const LOADS_B = (ROW_B + INVOCATIONS / RUNS - 1u) / (INVOCATIONS / RUNS);
const VECTORS_A = (ROW_A + LOADS_A - 1u) / LOADS_A;
const VECTORS_B = (ROW_B + LOADS_B - 1u) / LOADS_B;

@group(1) @binding(0) var<storage, read> a: array<f32>;
@group(1) @binding(1) var<storage, read> b: array<f32>;

// Hooks: a dispatch writes their bodies, and declares the memory that they use.
fn store(index: u32, value: f32) {}
fn storeSum(index: u32, value: f32) {}

// Four taps that lie side by side.
fn storeVector(index: u32, value: vec4<f32>) {
  store(index, value.x);
  store(index + 1u, value.y);
  store(index + 2u, value.z);
  store(index + 3u, value.w);
}

@compute @workgroup_size(INVOCATIONS)
fn weightGradient(
  @builtin(workgroup_id) tile: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let group = tile.y / ROW_BLOCKS;
  let filter0 = tile.y % ROW_BLOCKS * BLOCK_M;
  let column0 = tile.x * BLOCK_N;

  // The first pixel of the turn, and the four rows of the tiles, that the invocation brings in.
  let pixel0 = local % RUNS * RUN;
  let line0 = pixel0 / CHUNK;
  let x0 = pixel0 % CHUNK;
  let vector0 = local / RUNS;
  // The least values are for compilers: they show that indices are inside.
  let vectorA = pixel0 * ROW_A + min(vector0, VECTORS_A - 1u);
  let vectorB = START_B + pixel0 * ROW_B + min(vector0, VECTORS_B - 1u);
  var firstA: array<vec4<u32>, LOADS_A>;
  for (var q = 0u; q < LOADS_A; q++) {
    let filters = filter0 + (q * VECTORS_A + vector0) * 4u + vec4<u32>(0u, 1u, 2u, 3u);
    firstA[q] = (group * FILTERS_PER_GROUP + min(filters, vec4<u32>(FILTERS_PER_GROUP - 1u))) * OUT_H * OUT_W + x0;
  }
  // Where the taps lie for the first pixel of a chunk at the image's corner. Positions in the padding wrap around to huge
  // unsigned numbers, so one comparison finds them at both edges.
  var top: array<vec4<u32>, LOADS_B>;
  var left: array<vec4<u32>, LOADS_B>;
  var firstB: array<vec4<u32>, LOADS_B>;
  for (var q = 0u; q < LOADS_B; q++) {
    let columns = column0 + (q * VECTORS_B + vector0) * 4u + vec4<u32>(0u, 1u, 2u, 3u);
    let channel = columns / TAPS;
    let tap = columns - channel * TAPS;
    let ky = tap / KERNEL_W;
    top[q] = ky * DILATION_H - PAD_H;
    left[q] = (tap - ky * KERNEL_W) * DILATION_W - PAD_W + x0 * STRIDE_W;
    firstB[q] = ((group * CHANNELS_PER_GROUP + channel) * H + top[q]) * W + left[q];
  }

  // Behind the last tap is a column of ones, whose products add up to the gradient of the bias.
  let ones = COLUMNS - column0;
  if (SUMS == 1u && ones < BLOCK_N && local < DEPTH) {
    tiles[START_B + local % DEPTH * ROW_B + ones / 4u][ones % 4u] = 1.0;
  }

  var block: Block;
  let starts = startsOf(local);
  let first = tile.z * SHARE;
  let last = min(first + SHARE, BATCH * OUT_H);
  let turns = (last - first + LINES - 1u) / LINES * CHUNKS;
  for (var turn = 0u; turn < turns; turn++) {
    let line = first + turn / CHUNKS * LINES + select(line0, 0u, LINES == 1u);
    let image = line / OUT_H;
    let y = line - image * OUT_H;
    let x = turn % CHUNKS * CHUNK;
    let startA = (image * FILTERS * OUT_H + y) * OUT_W + x;
    for (var q = 0u; q < LOADS_A; q++) {
      if (vector0 < min(VECTORS_A, ROW_A - q * VECTORS_A)) {
        for (var r = 0u; r < RUN; r++) {
          let at = firstA[q] + startA + r;
          let isPixel = (LINES == 1u || line < last) && (OUT_W % CHUNK == 0u || x + x0 + r < OUT_W);
          let values = vec4<f32>(b[at.x], b[at.y], b[at.z], b[at.w]);
          tiles[vectorA + r * ROW_A + q * VECTORS_A] = select(vec4<f32>(), values, isPixel);
        }
      }
    }
    let startB = (image * CHANNELS * H + y * STRIDE_H) * W + x * STRIDE_W;
    for (var q = 0u; q < LOADS_B; q++) {
      if (vector0 < min(VECTORS_B, ROW_B - q * VECTORS_B)) {
        for (var r = 0u; r < RUN; r++) {
          let at = firstB[q] + startB + r * STRIDE_W;
          let isPixel = (LINES == 1u || line < last) && (OUT_W % CHUNK == 0u || x + x0 + r < OUT_W);
          var isInside = vec4<bool>(isPixel);
          if (PADDED) {
            isInside &= vec4<u32>(y * STRIDE_H) + top[q] < vec4<u32>(H);
            isInside &= vec4<u32>((x + r) * STRIDE_W) + left[q] < vec4<u32>(W);
          }
          let values = vec4<f32>(a[at.x], a[at.y], a[at.z], a[at.w]);
          let inside = select(vec4<f32>(), values, isInside);
          let column = column0 + (q * VECTORS_B + vector0) * 4u;
          if (SUMS == 0u || column + 3u < COLUMNS) {
            tiles[vectorB + r * ROW_B + q * VECTORS_B] = inside;
          } else if (column < COLUMNS) {
            for (var c = 0u; c < COLUMNS % 4u; c++) {
              tiles[vectorB + r * ROW_B + q * VECTORS_B][c] = inside[c];
            }
          }
        }
      }
    }
    workgroupBarrier();
    multiplyTiles(&block, starts);
    workgroupBarrier();
  }
  addSlices(&block, local);

  let filters = tile.z * FILTERS + group * FILTERS_PER_GROUP;
  if (isStoring(local)) {
    for (var r = 0u; r < TILE_STORED; r++) {
      let row = filter0 + rowOf(r, local);
      let column = column0 + columnOf(r, local);
      let at = (filters + row) * COLUMNS + column;
      if (FILTERS_PER_GROUP % BLOCK_M == 0u || row < FILTERS_PER_GROUP) {
        if (COLUMNS % 4u == 0u && column < COLUMNS) {
          storeVector(at, block[r]);
        } else {
          for (var c = 0u; c < 4u; c++) {
            if (COLUMNS % 4u != 0u && column + c < COLUMNS) {
              store(at + c, block[r][c]);
            }
            if (SUMS == 1u && column + c == COLUMNS) {
              storeSum(filters + row, block[r][c]);
            }
          }
        }
      }
    }
  }
}

// Convolution as in conv2d.wgsl, with the same names, and the gradient of its input (BACKWARD 1), in tiles of workgroup
// memory (tile.wgsl): a workgroup computes BLOCK_M channels × BLOCK_N pixels of one group of the result.
//
//   result   BACKWARD 0: y, a = x, b = w, summed over channels and taps;  1: the gradient of x, a = dy, b = w, summed over
//            filters and taps
//
// An invocation brings in the same pixels in every turn, so that their positions are known before the loop; channel and tap
// are the same for all invocations, and so is their distance in memory. Products are added up in the order of channel
// (filter), ky and kx: results equal those of conv2d.wgsl to the bit.

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
const BACKWARD = 0u;

const CHANNELS_PER_GROUP = CHANNELS / GROUPS;
const FILTERS_PER_GROUP = FILTERS / GROUPS;
const TAPS = KERNEL_H * KERNEL_W;
// Of a group: channels of the result, channels that are summed, and all products of a sum.
const ROWS = select(FILTERS_PER_GROUP, CHANNELS_PER_GROUP, BACKWARD == 1u);
const SUMMED = select(CHANNELS_PER_GROUP, FILTERS_PER_GROUP, BACKWARD == 1u);
const K = SUMMED * TAPS;
const ROW_BLOCKS = (ROWS + BLOCK_M - 1u) / BLOCK_M;
// Images of the result, and those that are read.
const WIDTH = select(OUT_W, W, BACKWARD == 1u);
const PIXELS = select(OUT_H * OUT_W, H * W, BACKWARD == 1u);
const READ_H = select(H, OUT_H, BACKWARD == 1u);
const READ_W = select(W, OUT_W, BACKWARD == 1u);
// Whether a tap of a pixel can fall outside of what is read, and whether only some taps lie on the stride.
const PADDED = PAD_H > 0u || PAD_W > 0u
  || (OUT_H - 1u) * STRIDE_H + (KERNEL_H - 1u) * DILATION_H >= H
  || (OUT_W - 1u) * STRIDE_W + (KERNEL_W - 1u) * DILATION_W >= W
  || (BACKWARD == 1u && (OUT_H < H || OUT_W < W || TAPS > 1u));
// Whether tiles end where the images do.
const WHOLE = BATCH * PIXELS % BLOCK_N == 0u;
const SPARSE = BACKWARD == 1u && (STRIDE_H > 1u || STRIDE_W > 1u);

@group(1) @binding(0) var<storage, read> a: array<f32>;
@group(1) @binding(1) var<storage, read> b: array<f32>;

// Hook: a dispatch writes its body, and declares the memory that it uses. `channel` is the channel of the result.
fn store(index: u32, channel: u32, value: f32) {}

// Four pixels of the result that lie side by side.
fn storeVector(index: u32, channel: u32, value: vec4<f32>) {
  store(index, channel, value.x);
  store(index + 1u, channel, value.y);
  store(index + 2u, channel, value.z);
  store(index + 3u, channel, value.w);
}

// Weights that an invocation brings in: RUN neighbours, in each of LOADS_A rows that lie ROWS_AT_ONCE apart.
const RUN = 1u;
const LANES_A = DEPTH / RUN;
const ROWS_AT_ONCE = INVOCATIONS / LANES_A / 4u * 4u;
const LOADS_A = (BLOCK_M + ROWS_AT_ONCE - 1u) / ROWS_AT_ONCE;
// Whether turns begin with the first tap of a channel, or a channel with a turn.
const TURNS_A_CHANNEL = max(TAPS / DEPTH, 1u);
const ALIGNED = DEPTH % TAPS == 0u || TAPS % DEPTH == 0u;

// Summed channel, ky and kx of product k in a turn. Where turns begin at the first tap, or a channel at a turn, most of it
// is a constant.
fn tapOf(turn: u32, k: u32) -> vec3<u32> {
  var channel: u32;
  var tap: u32;
  if (DEPTH % TAPS == 0u) {
    channel = turn * (DEPTH / TAPS) + k / TAPS;
    tap = k % TAPS;
  } else if (TAPS % DEPTH == 0u) {
    channel = turn / TURNS_A_CHANNEL;
    tap = turn % TURNS_A_CHANNEL * DEPTH + k;
  } else {
    channel = (turn * DEPTH + k) / TAPS;
    tap = (turn * DEPTH + k) % TAPS;
  }
  return vec3<u32>(channel, tap / KERNEL_W, tap % KERNEL_W);
}

// Distance of a weight from the first of its row.
fn weightAt(tap: vec3<u32>) -> u32 {
  return (tap.x * select(1u, CHANNELS_PER_GROUP, BACKWARD == 1u) * KERNEL_H + tap.y) * KERNEL_W + tap.z;
}

@compute @workgroup_size(INVOCATIONS)
fn images(
  @builtin(workgroup_id) tile: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let group = tile.y / ROW_BLOCKS;
  let row0 = tile.y % ROW_BLOCKS * BLOCK_M;
  let pixel0 = tile.x * BLOCK_N;

  let lineA = local / LANES_A;
  let kA = local % LANES_A * RUN;
  let vectorA = kA * ROW_A + lineA / 4u;
  let componentA = lineA % 4u;
  var firstA: array<u32, LOADS_A>;
  for (var q = 0u; q < LOADS_A; q++) {
    let row = min(row0 + q * ROWS_AT_ONCE + lineA, ROWS - 1u);
    let filterIndex = group * FILTERS_PER_GROUP + select(row, 0u, BACKWARD == 1u);
    firstA[q] = (filterIndex * CHANNELS_PER_GROUP + select(0u, row, BACKWARD == 1u)) * TAPS;
    if (ALIGNED) {
      firstA[q] += weightAt(tapOf(0u, kA));
    }
  }
  let vectorB = local / 4u;
  let componentB = local % 4u;
  // The pixel's first tap, and the position of it in the first channel. Positions outside of what is read wrap around to
  // huge unsigned numbers, so one comparison finds them at both edges.
  var top: array<u32, TILE_N / GROUP_Y>;
  var left: array<u32, TILE_N / GROUP_Y>;
  var firstB: array<u32, TILE_N / GROUP_Y>;
  for (var p = 0u; p < TILE_N / GROUP_Y; p++) {
    let pixel = min(pixel0 + p * INVOCATIONS + local, BATCH * PIXELS - 1u);
    let image = pixel / PIXELS;
    let place = pixel - image * PIXELS;
    let y = place / WIDTH;
    let x = place - y * WIDTH;
    top[p] = select(y * STRIDE_H - PAD_H, y + PAD_H, BACKWARD == 1u);
    left[p] = select(x * STRIDE_W - PAD_W, x + PAD_W, BACKWARD == 1u);
    firstB[p] = (image * GROUPS + group) * SUMMED * READ_H * READ_W;
    if (!SPARSE) {
      firstB[p] += top[p] * READ_W + left[p];
    }
  }

  var block: Block;
  let starts = startsOf(local);
  for (var turn = 0u; turn < (K + DEPTH - 1u) / DEPTH; turn++) {
    if (ROWS_AT_ONCE * LANES_A == INVOCATIONS || lineA < ROWS_AT_ONCE) {
      for (var q = 0u; q < LOADS_A; q++) {
        if ((q + 1u) * ROWS_AT_ONCE <= BLOCK_M || q * ROWS_AT_ONCE + lineA < BLOCK_M) {
          for (var r = 0u; r < RUN; r++) {
            let at = firstA[q] + select(weightAt(tapOf(turn, kA + r)), weightAt(tapOf(turn, 0u)) + r, ALIGNED);
            let isInside = K % DEPTH == 0u || turn * DEPTH + kA + r < K;
            tiles[vectorA + r * ROW_A + q * (ROWS_AT_ONCE / 4u)][componentA] = select(0.0, b[at], isInside);
          }
        }
      }
    }
    for (var k = 0u; k < DEPTH; k++) {
      let tap = tapOf(turn, k);
      // The way from the first tap: forward in x, backward in dy.
      let down = select(tap.y * DILATION_H, 0u - tap.y * DILATION_H, BACKWARD == 1u);
      let right = select(tap.z * DILATION_W, 0u - tap.z * DILATION_W, BACKWARD == 1u);
      for (var p = 0u; p < TILE_N / GROUP_Y; p++) {
        var y = top[p] + down;
        var x = left[p] + right;
        var value: f32;
        if (SPARSE) {
          let isOnStride = y % STRIDE_H == 0u && x % STRIDE_W == 0u;
          y /= STRIDE_H;
          x /= STRIDE_W;
          value = select(0.0, a[firstB[p] + (tap.x * READ_H + y) * READ_W + x], isOnStride);
        } else {
          value = a[firstB[p] + (tap.x * READ_H + down) * READ_W + right];
        }
        let isInside = (!PADDED || (y < READ_H && x < READ_W)) && (K % DEPTH == 0u || turn * DEPTH + k < K);
        tiles[START_B + k * ROW_B + p * (INVOCATIONS / 4u) + vectorB][componentB] = select(0.0, value, isInside);
      }
    }
    workgroupBarrier();
    multiplyTiles(&block, starts);
    workgroupBarrier();
  }

  for (var r = 0u; r < TILE_STORED; r++) {
    let row = row0 + rowOf(r, local);
    let channel = group * ROWS + row;
    let pixel = pixel0 + columnOf(r, local);
    if (PIXELS % 4u == 0u) {
      // Four pixels of one image, which lie side by side.
      let at = (pixel / PIXELS * (GROUPS * ROWS - 1u) + channel) * PIXELS + pixel;
      if ((ROWS % BLOCK_M == 0u || row < ROWS) && (WHOLE || pixel < BATCH * PIXELS)) {
        storeVector(at, channel, block[r]);
      }
    } else if (ROWS % BLOCK_M == 0u || row < ROWS) {
      for (var c = 0u; c < 4u; c++) {
        if (pixel + c < BATCH * PIXELS) {
          let at = ((pixel + c) / PIXELS * (GROUPS * ROWS - 1u) + channel) * PIXELS + pixel + c;
          store(at, channel, block[r][c]);
        }
      }
    }
  }
}

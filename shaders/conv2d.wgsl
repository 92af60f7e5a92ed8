enable subgroups;

// Two-dimensional convolution as an implicit matrix product (no im2col buffer), and its two gradients.
//
//   x  [BATCH, CHANNELS, H, W]      y  [BATCH, FILTERS, OUT_H, OUT_W]
//   w  [FILTERS, CHANNELS / GROUPS, KERNEL_H, KERNEL_W]
//
//   forward          y = conv(x, w)            a = x,  b = w
//   inputGradient    the gradient of x         a = dy, b = w
//   weightGradient   the gradient of w         a = x,  b = dy; SPLITS partial sums, [SPLITS, …w]
//                    storeSum(index, value), with SUMS 1: the gradient of a bias, likewise, [SPLITS, FILTERS]
//
// One invocation computes TILE_M channels × TILE_N pixels (weightGradient: filters × taps) in registers. Channels
// and pixels past the edge are clamped to the last ones when read, and not written. Positions in the padding wrap
// around to huge unsigned numbers, so one comparison finds them at both edges. The invocations of a workgroup share the
// channels (filters); with LANES above 1 they share their loads, as in matmul.wgsl.

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
const TILE_M = 8u;
const TILE_N = 8u;
const GROUP_X = 8u;
const GROUP_Y = 1u;
const LANES = 8u;

const LOADS = TILE_M / LANES;
const CHANNELS_PER_GROUP = CHANNELS / GROUPS;
const FILTERS_PER_GROUP = FILTERS / GROUPS;
const TAPS = KERNEL_H * KERNEL_W;
// Whether any tap of any pixel can fall into the padding.
const PADDED = PAD_H > 0u || PAD_W > 0u
  || (OUT_H - 1u) * STRIDE_H + (KERNEL_H - 1u) * DILATION_H >= H
  || (OUT_W - 1u) * STRIDE_W + (KERNEL_W - 1u) * DILATION_W >= W;

@group(1) @binding(0) var<storage, read> a: array<f32>;
@group(1) @binding(1) var<storage, read> b: array<f32>;

// Hooks: a dispatch writes their bodies, and declares the memory that they use.
fn store(index: u32, value: f32) {}
fn storeSum(index: u32, value: f32) {}

// Whether a sum has so many steps that its stores take little of the time: they are a loop, one store to compile.
fn isLong(steps: u32) -> bool { return steps >= 128u; }

fn storePixel(channels: u32, pixels: u32, channel: u32, pixel: u32, value: f32) {
  store(((pixel / pixels) * channels + channel) * pixels + pixel % pixels, value);
}

@compute @workgroup_size(GROUP_X, GROUP_Y)
fn forward(
  @builtin(workgroup_id) tile: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
  @builtin(subgroup_invocation_id) invocation: u32,
) {
  const PIXELS = OUT_H * OUT_W;
  const ROWS = (FILTERS_PER_GROUP + TILE_M - 1u) / TILE_M;
  let lane = invocation % LANES;
  let group = tile.y / ROWS;
  let filter0 = (tile.y % ROWS) * TILE_M;
  let pixel0 = (tile.x * GROUP_X + local.x) * TILE_N;
  var rowB: array<u32, LOADS>;
  for (var i = 0u; i < TILE_M / LANES; i++) {
    let filterIndex = group * FILTERS_PER_GROUP + min(filter0 + i * LANES + lane, FILTERS_PER_GROUP - 1u);
    rowB[i] = filterIndex * CHANNELS_PER_GROUP * TAPS;
  }
  // The grid has one layer, which compilers do not know: where they know that a tap lies in the padding, they leave out its
  // product, which is NaN for a weight that is not finite.
  let zero = tile.z;
  var top: array<u32, TILE_N>;
  var left: array<u32, TILE_N>;
  // Position of the first tap of the first channel.
  var first: array<u32, TILE_N>;
  for (var j = 0u; j < TILE_N; j++) {
    let pixel = min(pixel0 + j, BATCH * PIXELS - 1u);
    top[j] = ((pixel % PIXELS) / OUT_W) * STRIDE_H - PAD_H + zero;
    left[j] = (pixel % OUT_W) * STRIDE_W - PAD_W + zero;
    first[j] = ((pixel / PIXELS) * CHANNELS + group * CHANNELS_PER_GROUP) * H * W + top[j] * W + left[j];
  }

  var sum: array<f32, TILE_M * TILE_N>;
  var alike: array<f32, TILE_M>;
  var values: array<f32, TILE_N>;
  // One loop over all taps: nested ones of a few iterations would be unrolled, and are slow to compile then.
  for (var tap = 0u; tap < CHANNELS_PER_GROUP * TAPS; tap++) {
    for (var i = 0u; i < TILE_M / LANES; i++) {
      let value = b[rowB[i] + tap];
      for (var l = 0u; l < LANES; l++) {
        alike[i * LANES + l] = subgroupShuffle(value, l);
      }
    }
    let ky = (tap % TAPS) / KERNEL_W * DILATION_H;
    let kx = tap % KERNEL_W * DILATION_W;
    let offset = (tap / TAPS * H + ky) * W + kx;
    for (var j = 0u; j < TILE_N; j++) {
      let value = a[first[j] + offset];
      values[j] = select(0.0, value, !PADDED || (top[j] + ky < H && left[j] + kx < W));
    }
    for (var i = 0u; i < TILE_M; i++) {
      for (var j = 0u; j < TILE_N; j++) {
        sum[i * TILE_N + j] = fma(alike[i], values[j], sum[i * TILE_N + j]);
      }
    }
  }

  // As in matmul.wgsl: one row of stores to compile, and the sums stay in registers.
  var results = sum;
  let rows = min(TILE_M, FILTERS_PER_GROUP - filter0);
  let columns = select(0u, min(TILE_N, BATCH * PIXELS - pixel0), pixel0 < BATCH * PIXELS);
  for (var i = 0u; i < rows; i++) {
    let filterIndex = group * FILTERS_PER_GROUP + filter0 + i;
    if (isLong(CHANNELS_PER_GROUP * TAPS)) {
      for (var j = 0u; j < columns; j++) {
        storePixel(FILTERS, PIXELS, filterIndex, pixel0 + j, results[i * TILE_N + j]);
      }
    } else {
      for (var j = 0u; j < TILE_N; j++) {
        if (pixel0 + j < BATCH * PIXELS) {
          storePixel(FILTERS, PIXELS, filterIndex, pixel0 + j, results[i * TILE_N + j]);
        }
      }
    }
  }
}

@compute @workgroup_size(GROUP_X, GROUP_Y)
fn inputGradient(
  @builtin(workgroup_id) tile: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
  @builtin(subgroup_invocation_id) invocation: u32,
) {
  const PIXELS = H * W;
  const ROWS = (CHANNELS_PER_GROUP + TILE_M - 1u) / TILE_M;
  const OUT_PIXELS = OUT_H * OUT_W;
  let lane = invocation % LANES;
  let group = tile.y / ROWS;
  let channel0 = (tile.y % ROWS) * TILE_M;
  let pixel0 = (tile.x * GROUP_X + local.x) * TILE_N;
  var columnB: array<u32, LOADS>;
  for (var i = 0u; i < TILE_M / LANES; i++) {
    let channel = min(channel0 + i * LANES + lane, CHANNELS_PER_GROUP - 1u);
    columnB[i] = (group * FILTERS_PER_GROUP * CHANNELS_PER_GROUP + channel) * TAPS;
  }
  // Not known to compilers, as above.
  let zero = tile.z;
  var image: array<u32, TILE_N>;
  var top: array<u32, TILE_N>;
  var left: array<u32, TILE_N>;
  for (var j = 0u; j < TILE_N; j++) {
    let pixel = min(pixel0 + j, BATCH * PIXELS - 1u);
    image[j] = ((pixel / PIXELS) * FILTERS + group * FILTERS_PER_GROUP) * OUT_PIXELS;
    top[j] = (pixel % PIXELS) / W + PAD_H + zero;
    left[j] = pixel % W + PAD_W + zero;
  }

  var sum: array<f32, TILE_M * TILE_N>;
  var alike: array<f32, TILE_M>;
  var values: array<f32, TILE_N>;
  for (var tap = 0u; tap < FILTERS_PER_GROUP * TAPS; tap++) {
    let filterIndex = tap / TAPS;
    let rowB = filterIndex * CHANNELS_PER_GROUP * TAPS + tap % TAPS;
    for (var i = 0u; i < TILE_M / LANES; i++) {
      let value = b[columnB[i] + rowB];
      for (var l = 0u; l < LANES; l++) {
        alike[i * LANES + l] = subgroupShuffle(value, l);
      }
    }
    let ky = (tap % TAPS) / KERNEL_W * DILATION_H;
    let kx = tap % KERNEL_W * DILATION_W;
    for (var j = 0u; j < TILE_N; j++) {
      // The output pixel whose tap (ky, kx) looks at this input pixel, if there is one.
      let y = top[j] - ky;
      let x = left[j] - kx;
      let outY = y / STRIDE_H;
      let outX = x / STRIDE_W;
      let value = a[image[j] + filterIndex * OUT_PIXELS + outY * OUT_W + outX];
      let onStride = (STRIDE_H == 1u || y % STRIDE_H == 0u) && (STRIDE_W == 1u || x % STRIDE_W == 0u);
      values[j] = select(0.0, value, onStride && outY < OUT_H && outX < OUT_W);
    }
    for (var i = 0u; i < TILE_M; i++) {
      for (var j = 0u; j < TILE_N; j++) {
        sum[i * TILE_N + j] = fma(alike[i], values[j], sum[i * TILE_N + j]);
      }
    }
  }

  // As in matmul.wgsl: one row of stores to compile, and the sums stay in registers.
  var results = sum;
  let rows = min(TILE_M, CHANNELS_PER_GROUP - channel0);
  let columns = select(0u, min(TILE_N, BATCH * PIXELS - pixel0), pixel0 < BATCH * PIXELS);
  for (var i = 0u; i < rows; i++) {
    let channel = group * CHANNELS_PER_GROUP + channel0 + i;
    if (isLong(FILTERS_PER_GROUP * TAPS)) {
      for (var j = 0u; j < columns; j++) {
        storePixel(CHANNELS, PIXELS, channel, pixel0 + j, results[i * TILE_N + j]);
      }
    } else {
      for (var j = 0u; j < TILE_N; j++) {
        if (pixel0 + j < BATCH * PIXELS) {
          storePixel(CHANNELS, PIXELS, channel, pixel0 + j, results[i * TILE_N + j]);
        }
      }
    }
  }
}

// Each of SPLITS workgroups along z takes its share of the rows of all output images, in order.
@compute @workgroup_size(GROUP_X, GROUP_Y)
fn weightGradient(
  @builtin(workgroup_id) tile: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
  @builtin(subgroup_invocation_id) invocation: u32,
) {
  const COLUMNS = CHANNELS_PER_GROUP * TAPS;
  const ROWS = (FILTERS_PER_GROUP + TILE_M - 1u) / TILE_M;
  const SHARE = (BATCH * OUT_H + SPLITS - 1u) / SPLITS;
  let lane = invocation % LANES;
  let group = tile.y / ROWS;
  let filter0 = (tile.y % ROWS) * TILE_M;
  let column0 = (tile.x * GROUP_X + local.x) * TILE_N;
  var planeB: array<u32, LOADS>;
  for (var i = 0u; i < TILE_M / LANES; i++) {
    let filterIndex = min(filter0 + i * LANES + lane, FILTERS_PER_GROUP - 1u);
    planeB[i] = (group * FILTERS_PER_GROUP + filterIndex) * OUT_H * OUT_W;
  }
  var top: array<u32, TILE_N>;
  var left: array<u32, TILE_N>;
  // Position of the first output pixel's tap.
  var first: array<u32, TILE_N>;
  for (var j = 0u; j < TILE_N; j++) {
    let column = min(column0 + j, COLUMNS - 1u);
    top[j] = ((column % TAPS) / KERNEL_W) * DILATION_H - PAD_H;
    left[j] = (column % KERNEL_W) * DILATION_W - PAD_W;
    first[j] = (group * CHANNELS_PER_GROUP + column / TAPS) * H * W + top[j] * W + left[j];
  }

  var sum: array<f32, TILE_M * TILE_N>;
  var totals: array<f32, LOADS>;
  var alike: array<f32, TILE_M>;
  var values: array<f32, TILE_N>;
  let last = min((tile.z + 1u) * SHARE, BATCH * OUT_H) * OUT_W;
  for (var pixel = tile.z * SHARE * OUT_W; pixel < last; pixel++) {
    let image = pixel / (OUT_H * OUT_W);
    let planes = image * (FILTERS - 1u) * OUT_H * OUT_W + pixel;
    for (var i = 0u; i < TILE_M / LANES; i++) {
      let value = b[planes + planeB[i]];
      if (SUMS == 1u) {
        totals[i] += value;
      }
      for (var l = 0u; l < LANES; l++) {
        alike[i * LANES + l] = subgroupShuffle(value, l);
      }
    }
    let y = (pixel / OUT_W) % OUT_H * STRIDE_H;
    let x = pixel % OUT_W * STRIDE_W;
    let offset = (image * CHANNELS * H + y) * W + x;
    for (var j = 0u; j < TILE_N; j++) {
      let value = a[first[j] + offset];
      values[j] = select(0.0, value, !PADDED || (y + top[j] < H && x + left[j] < W));
    }
    for (var i = 0u; i < TILE_M; i++) {
      for (var j = 0u; j < TILE_N; j++) {
        sum[i * TILE_N + j] = fma(alike[i], values[j], sum[i * TILE_N + j]);
      }
    }
  }

  // As in matmul.wgsl: one row of stores to compile, and the sums stay in registers.
  var results = sum;
  let rows = min(TILE_M, FILTERS_PER_GROUP - filter0);
  let columns = select(0u, min(TILE_N, COLUMNS - column0), column0 < COLUMNS);
  for (var i = 0u; i < rows; i++) {
    let filterIndex = tile.z * FILTERS + group * FILTERS_PER_GROUP + filter0 + i;
    if (isLong(SHARE * OUT_W)) {
      for (var j = 0u; j < columns; j++) {
        store(filterIndex * COLUMNS + column0 + j, results[i * TILE_N + j]);
      }
    } else {
      for (var j = 0u; j < TILE_N; j++) {
        if (column0 + j < COLUMNS) {
          store(filterIndex * COLUMNS + column0 + j, results[i * TILE_N + j]);
        }
      }
    }
  }

  if (SUMS == 1u && tile.x == 0u && invocation < LANES) {
    for (var i = 0u; i < TILE_M / LANES; i++) {
      let filterIndex = filter0 + i * LANES + lane;
      if (filterIndex < FILTERS_PER_GROUP) {
        storeSum(tile.z * FILTERS + group * FILTERS_PER_GROUP + filterIndex, totals[i]);
      }
    }
  }
}

// Two-dimensional convolution as an implicit matrix product (no im2col buffer), and its two gradients.
//
//   x  [BATCH, CHANNELS, H, W]      y  [BATCH, FILTERS, OUT_H, OUT_W]
//   w  [FILTERS, CHANNELS / GROUPS, KERNEL_H, KERNEL_W]
//
//   forward          y = conv(x, w)            a = x,  b = w
//   inputGradient    what y sends back to x    a = dy, b = w
//   weightGradient   what y sends back to w    a = x,  b = dy; SPLITS partial sums, [SPLITS, …w]
//
// One invocation computes TILE_M channels × TILE_N pixels (weightGradient: filters × taps) in registers. Channels
// and pixels past the edge are clamped to the last ones when read, and not written. Positions in the padding wrap
// around to huge unsigned numbers, so one comparison finds them at both edges.

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
const TILE_M = 8u;
const TILE_N = 8u;
const GROUP_X = 8u;
const GROUP_Y = 1u;

const CHANNELS_PER_GROUP = CHANNELS / GROUPS;
const FILTERS_PER_GROUP = FILTERS / GROUPS;
const TAPS = KERNEL_H * KERNEL_W;
// Whether any tap of any pixel can fall into the padding.
const PADDED = PAD_H > 0u || PAD_W > 0u
  || (OUT_H - 1u) * STRIDE_H + (KERNEL_H - 1u) * DILATION_H >= H
  || (OUT_W - 1u) * STRIDE_W + (KERNEL_W - 1u) * DILATION_W >= W;

@group(0) @binding(0) var<uniform> step: array<vec4<u32>, 16>;
@group(1) @binding(0) var<storage, read> a: array<f32>;
@group(1) @binding(1) var<storage, read> b: array<f32>;
@group(1) @binding(10) var<storage, read> operand0: array<u32>;
@group(1) @binding(11) var<storage, read> operand1: array<u32>;
@group(1) @binding(12) var<storage, read> operand2: array<u32>;
@group(1) @binding(13) var<storage, read> operand3: array<u32>;
@group(1) @binding(14) var<storage, read> operand4: array<u32>;
@group(1) @binding(15) var<storage, read> operand5: array<u32>;
@group(1) @binding(16) var<storage, read> operand6: array<u32>;
@group(1) @binding(20) var<storage, read_write> result0: array<u32>;
@group(1) @binding(21) var<storage, read_write> result1: array<u32>;
@group(1) @binding(22) var<storage, read_write> result2: array<u32>;
@group(1) @binding(23) var<storage, read_write> result3: array<u32>;

fn store(index: u32, value: f32) {
  result0[index] = bitcast<u32>(value);
}

@compute @workgroup_size(GROUP_X, GROUP_Y)
fn forward(@builtin(global_invocation_id) id: vec3<u32>) {
  const PIXELS = OUT_H * OUT_W;
  const ROWS = (FILTERS_PER_GROUP + TILE_M - 1u) / TILE_M;
  let group = id.y / ROWS;
  let filter0 = (id.y % ROWS) * TILE_M;
  let pixel0 = id.x * TILE_N;
  if (group >= GROUPS) {
    return;
  }
  var rowB: array<u32, TILE_M>;
  for (var i = 0u; i < TILE_M; i++) {
    rowB[i] = (group * FILTERS_PER_GROUP + min(filter0 + i, FILTERS_PER_GROUP - 1u)) * CHANNELS_PER_GROUP * TAPS;
  }
  var image: array<u32, TILE_N>;
  var top: array<u32, TILE_N>;
  var left: array<u32, TILE_N>;
  for (var j = 0u; j < TILE_N; j++) {
    let pixel = min(pixel0 + j, BATCH * PIXELS - 1u);
    image[j] = (pixel / PIXELS) * CHANNELS * H * W + group * CHANNELS_PER_GROUP * H * W;
    top[j] = ((pixel % PIXELS) / OUT_W) * STRIDE_H - PAD_H;
    left[j] = (pixel % OUT_W) * STRIDE_W - PAD_W;
  }

  var sum: array<f32, TILE_M * TILE_N>;
  var valuesA: array<f32, TILE_N>;
  // One loop over all taps: nested ones of a few iterations would be unrolled, and are slow to compile then.
  for (var tap = 0u; tap < CHANNELS_PER_GROUP * TAPS; tap++) {
    let channel = tap / TAPS;
    let ky = (tap % TAPS) / KERNEL_W;
    let kx = tap % KERNEL_W;
    for (var j = 0u; j < TILE_N; j++) {
      let y = top[j] + ky * DILATION_H;
      let x = left[j] + kx * DILATION_W;
      let value = a[image[j] + (channel * H + y) * W + x];
      valuesA[j] = select(0.0, value, !PADDED || (y < H && x < W));
    }
    for (var i = 0u; i < TILE_M; i++) {
      let weight = b[rowB[i] + tap];
      for (var j = 0u; j < TILE_N; j++) {
        sum[i * TILE_N + j] = fma(weight, valuesA[j], sum[i * TILE_N + j]);
      }
    }
  }

  // As in matmul.wgsl: one row of stores to compile, and the sums stay in registers.
  var results = sum;
  let rows = min(TILE_M, FILTERS_PER_GROUP - filter0);
  for (var i = 0u; i < rows; i++) {
    let filterIndex = group * FILTERS_PER_GROUP + filter0 + i;
    for (var j = 0u; j < TILE_N; j++) {
      let pixel = pixel0 + j;
      if (pixel < BATCH * PIXELS) {
        store(((pixel / PIXELS) * FILTERS + filterIndex) * PIXELS + pixel % PIXELS, results[i * TILE_N + j]);
      }
    }
  }
}

@compute @workgroup_size(GROUP_X, GROUP_Y)
fn inputGradient(@builtin(global_invocation_id) id: vec3<u32>) {
  const PIXELS = H * W;
  const ROWS = (CHANNELS_PER_GROUP + TILE_M - 1u) / TILE_M;
  let group = id.y / ROWS;
  let channel0 = (id.y % ROWS) * TILE_M;
  let pixel0 = id.x * TILE_N;
  if (group >= GROUPS) {
    return;
  }
  var columnB: array<u32, TILE_M>;
  for (var i = 0u; i < TILE_M; i++) {
    columnB[i] = (group * FILTERS_PER_GROUP * CHANNELS_PER_GROUP + min(channel0 + i, CHANNELS_PER_GROUP - 1u)) * TAPS;
  }
  var image: array<u32, TILE_N>;
  var top: array<u32, TILE_N>;
  var left: array<u32, TILE_N>;
  for (var j = 0u; j < TILE_N; j++) {
    let pixel = min(pixel0 + j, BATCH * PIXELS - 1u);
    image[j] = ((pixel / PIXELS) * FILTERS + group * FILTERS_PER_GROUP) * OUT_H * OUT_W;
    top[j] = (pixel % PIXELS) / W + PAD_H;
    left[j] = pixel % W + PAD_W;
  }

  var sum: array<f32, TILE_M * TILE_N>;
  var valuesA: array<f32, TILE_N>;
  for (var tap = 0u; tap < FILTERS_PER_GROUP * TAPS; tap++) {
    let filterIndex = tap / TAPS;
    let ky = (tap % TAPS) / KERNEL_W;
    let kx = tap % KERNEL_W;
    for (var j = 0u; j < TILE_N; j++) {
      // The output pixel whose tap (ky, kx) looks at this input pixel, if there is one.
      let y = top[j] - ky * DILATION_H;
      let x = left[j] - kx * DILATION_W;
      let outY = y / STRIDE_H;
      let outX = x / STRIDE_W;
      let value = a[image[j] + (filterIndex * OUT_H + outY) * OUT_W + outX];
      let onStride = y % STRIDE_H == 0u && x % STRIDE_W == 0u;
      valuesA[j] = select(0.0, value, onStride && outY < OUT_H && outX < OUT_W);
    }
    let rowB = filterIndex * CHANNELS_PER_GROUP * TAPS + tap % TAPS;
    for (var i = 0u; i < TILE_M; i++) {
      let weight = b[columnB[i] + rowB];
      for (var j = 0u; j < TILE_N; j++) {
        sum[i * TILE_N + j] = fma(weight, valuesA[j], sum[i * TILE_N + j]);
      }
    }
  }

  // As in matmul.wgsl: one row of stores to compile, and the sums stay in registers.
  var results = sum;
  let rows = min(TILE_M, CHANNELS_PER_GROUP - channel0);
  for (var i = 0u; i < rows; i++) {
    let channel = group * CHANNELS_PER_GROUP + channel0 + i;
    for (var j = 0u; j < TILE_N; j++) {
      let pixel = pixel0 + j;
      if (pixel < BATCH * PIXELS) {
        store(((pixel / PIXELS) * CHANNELS + channel) * PIXELS + pixel % PIXELS, results[i * TILE_N + j]);
      }
    }
  }
}

// Each of SPLITS invocations along z takes its share of the rows of all output images, in order.
@compute @workgroup_size(GROUP_X, GROUP_Y)
fn weightGradient(@builtin(global_invocation_id) id: vec3<u32>) {
  const COLUMNS = CHANNELS_PER_GROUP * TAPS;
  const ROWS = (FILTERS_PER_GROUP + TILE_M - 1u) / TILE_M;
  const SHARE = (BATCH * OUT_H + SPLITS - 1u) / SPLITS;
  let group = id.y / ROWS;
  let filter0 = (id.y % ROWS) * TILE_M;
  let column0 = id.x * TILE_N;
  if (group >= GROUPS) {
    return;
  }
  var planeB: array<u32, TILE_M>;
  for (var i = 0u; i < TILE_M; i++) {
    planeB[i] = (group * FILTERS_PER_GROUP + min(filter0 + i, FILTERS_PER_GROUP - 1u)) * OUT_H * OUT_W;
  }
  var planeA: array<u32, TILE_N>;
  var top: array<u32, TILE_N>;
  var left: array<u32, TILE_N>;
  for (var j = 0u; j < TILE_N; j++) {
    let column = min(column0 + j, COLUMNS - 1u);
    planeA[j] = (group * CHANNELS_PER_GROUP + column / TAPS) * H * W;
    top[j] = ((column % TAPS) / KERNEL_W) * DILATION_H - PAD_H;
    left[j] = (column % KERNEL_W) * DILATION_W - PAD_W;
  }

  var sum: array<f32, TILE_M * TILE_N>;
  var valuesA: array<f32, TILE_N>;
  let last = min((id.z + 1u) * SHARE, BATCH * OUT_H) * OUT_W;
  for (var pixel = id.z * SHARE * OUT_W; pixel < last; pixel++) {
    let image = pixel / (OUT_H * OUT_W);
    let outY = (pixel / OUT_W) % OUT_H;
    let outX = pixel % OUT_W;
    for (var j = 0u; j < TILE_N; j++) {
      let y = outY * STRIDE_H + top[j];
      let x = outX * STRIDE_W + left[j];
      let value = a[image * CHANNELS * H * W + planeA[j] + y * W + x];
      valuesA[j] = select(0.0, value, !PADDED || (y < H && x < W));
    }
    let planes = image * (FILTERS - 1u) * OUT_H * OUT_W + pixel;
    for (var i = 0u; i < TILE_M; i++) {
      let gradient = b[planes + planeB[i]];
      for (var j = 0u; j < TILE_N; j++) {
        sum[i * TILE_N + j] = fma(gradient, valuesA[j], sum[i * TILE_N + j]);
      }
    }
  }

  // As in matmul.wgsl: one row of stores to compile, and the sums stay in registers.
  var results = sum;
  let rows = min(TILE_M, FILTERS_PER_GROUP - filter0);
  for (var i = 0u; i < rows; i++) {
    let filterIndex = id.z * FILTERS + group * FILTERS_PER_GROUP + filter0 + i;
    for (var j = 0u; j < TILE_N; j++) {
      if (column0 + j < COLUMNS) {
        store(filterIndex * COLUMNS + column0 + j, results[i * TILE_N + j]);
      }
    }
  }
}

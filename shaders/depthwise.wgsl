// Depthwise convolution (as many groups as channels: a filter sees one channel) as in conv2d.wgsl, with the same names, and
// the gradient of its input (BACKWARD 1). Filters share nothing that a tile could keep: one invocation computes TILE_N pixels
// that lie side by side.
//
//   result   BACKWARD 0: y, a = x, b = w;  1: the gradient of x, a = dy, b = w
//
// Products are added up in the order of filter, ky and kx: results equal those of conv2d.wgsl to the bit.

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
const BACKWARD = 0u;
const TILE_N = 4u;
const WORKGROUP = 64u;

const TAPS = KERNEL_H * KERNEL_W;
// Filters of a channel.
const MULTIPLIER = FILTERS / CHANNELS;
// Channels and lines of the result, and of what is read.
const PLANES = select(FILTERS, CHANNELS, BACKWARD == 1u);
const HEIGHT = select(OUT_H, H, BACKWARD == 1u);
const WIDTH = select(OUT_W, W, BACKWARD == 1u);
const READ_PLANES = select(CHANNELS, FILTERS, BACKWARD == 1u);
const READ_H = select(H, OUT_H, BACKWARD == 1u);
const READ_W = select(W, OUT_W, BACKWARD == 1u);
const SUMMED = select(1u, MULTIPLIER, BACKWARD == 1u);
// Runs of TILE_N pixels, of a line and of a plane.
const RUNS = (WIDTH + TILE_N - 1u) / TILE_N;
const PLANE_RUNS = RUNS * HEIGHT;
const PLANE_GROUPS = max(PLANE_RUNS / WORKGROUP, 1u);

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

// The place that tap k of the pixel at `position` reads along an axis; huge where there is none.
fn placeOf(position: u32, k: u32, stride: u32, pad: u32, dilation: u32) -> u32 {
  if (BACKWARD == 0u) {
    return position * stride + k * dilation - pad;
  }
  let place = position + pad - k * dilation;
  return select(0xffffffffu, place / stride, place % stride == 0u);
}

@compute @workgroup_size(WORKGROUP)
fn depthwise(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let run = group.x * WORKGROUP + local;
  // The same for all invocations of a workgroup, where it has runs of one plane only.
  let plane = select(run / PLANE_RUNS, group.x / PLANE_GROUPS, PLANE_RUNS % WORKGROUP == 0u);
  if (plane >= BATCH * PLANES) {
    return;
  }
  // The grid has one layer, which compilers do not know: where they know that a tap lies in the padding, they leave out its
  // product, which is NaN for a weight that is not finite.
  let zero = group.z;
  let line = (run - plane * PLANE_RUNS) / RUNS;
  let y = line + zero;
  let x = (run - plane * PLANE_RUNS - line * RUNS) * TILE_N + zero;
  let image = plane / PLANES;
  let channel = plane - image * PLANES;

  var sum: array<f32, TILE_N>;
  for (var m = 0u; m < SUMMED; m++) {
    let filterIndex = select(channel, channel * MULTIPLIER + m, BACKWARD == 1u);
    let plane0 = image * READ_PLANES + select(channel / MULTIPLIER, filterIndex, BACKWARD == 1u);
    for (var ky = 0u; ky < KERNEL_H; ky++) {
      let readY = placeOf(y, ky, STRIDE_H, PAD_H, DILATION_H);
      for (var kx = 0u; kx < KERNEL_W; kx++) {
        let weight = b[filterIndex * TAPS + ky * KERNEL_W + kx];
        for (var j = 0u; j < TILE_N; j++) {
          let readX = placeOf(x + j, kx, STRIDE_W, PAD_W, DILATION_W);
          let value = a[(plane0 * READ_H + readY) * READ_W + readX];
          let isInside = readY < READ_H && readX < READ_W;
          sum[j] = fma(weight, select(0.0, value, isInside), sum[j]);
        }
      }
    }
  }

  let at = (plane * HEIGHT + y) * WIDTH + x;
  if (TILE_N == 4u && WIDTH % 4u == 0u) {
    storeVector(at, channel, vec4<f32>(sum[0], sum[1 % TILE_N], sum[2 % TILE_N], sum[3 % TILE_N]));
  } else {
    for (var j = 0u; j < TILE_N; j++) {
      if (x + j < WIDTH) {
        store(at + j, channel, sum[j]);
      }
    }
  }
}

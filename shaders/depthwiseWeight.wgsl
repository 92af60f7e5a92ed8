// The gradient of a depthwise convolution's weight (depthwise.wgsl) in SPLITS partial sums, [SPLITS, …w]: a = x, b = dy.
//
//   storeSum(index, value)   with SUMS 1: the gradient of a bias, likewise, [SPLITS, FILTERS]
//
// A workgroup computes TILE_TAPS taps of one filter over a share of the lines (rows of pixels) of all images: an invocation
// adds up every WORKGROUP-th run of TILE_N pixels, and then the sums of the invocations are added up in order.

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
const SPLITS = 1u;
const SUMS = 0u;
const TILE_N = 4u;
const TILE_TAPS = 1u;
const WORKGROUP = 64u;

const TAPS = KERNEL_H * KERNEL_W;
// Runs of TILE_N pixels of a line.
const RUNS = (OUT_W + TILE_N - 1u) / TILE_N;
const SHARE = (BATCH * OUT_H + SPLITS - 1u) / SPLITS;

@group(1) @binding(0) var<storage, read> a: array<f32>;
@group(1) @binding(1) var<storage, read> b: array<f32>;

// Hooks: a dispatch writes their bodies, and declares the memory that they use.
fn store(index: u32, value: f32) {}
fn storeSum(index: u32, value: f32) {}

// Sums of the invocations, a row for each tap and one for the bias; rows are a word longer, so that neighbours do not meet.
var<workgroup> sums: array<f32, (TILE_TAPS + 1u) * (WORKGROUP + 1u)>;

@compute @workgroup_size(WORKGROUP)
fn depthwiseWeight(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let firstTap = select(group.x * TILE_TAPS, 0u, TILE_TAPS == TAPS);
  let filterIndex = group.y;
  let channel = filterIndex / (FILTERS / CHANNELS);
  let first = group.z * SHARE;
  // Compilers do not know that this is 0: where they know that a tap lies in the padding, they leave out its product, which
  // is NaN for a dy that is not finite.
  let zero = group.z / SPLITS;
  let count = (min(first + SHARE, BATCH * OUT_H) - first) * RUNS;

  var sum: array<f32, TILE_TAPS>;
  var total = 0.0;
  var dy: array<f32, TILE_N>;
  for (var run = local; run < count; run += WORKGROUP) {
    let line = run / RUNS;
    let x = (run - line * RUNS) * TILE_N + zero;
    let image = (first + line) / OUT_H;
    let y = first + line - image * OUT_H + zero;
    for (var j = 0u; j < TILE_N; j++) {
      let value = b[((image * FILTERS + filterIndex) * OUT_H + y) * OUT_W + x + j];
      dy[j] = select(0.0, value, OUT_W % TILE_N == 0u || x + j < OUT_W);
      total += dy[j];
    }
    for (var t = 0u; t < TILE_TAPS; t++) {
      let ky = (firstTap + t) / KERNEL_W;
      let kx = firstTap + t - ky * KERNEL_W;
      let readY = y * STRIDE_H + ky * DILATION_H - PAD_H;
      for (var j = 0u; j < TILE_N; j++) {
        let readX = (x + j) * STRIDE_W + kx * DILATION_W - PAD_W;
        let value = a[((image * CHANNELS + channel) * H + readY) * W + readX];
        let isInside = readY < H && readX < W && (OUT_W % TILE_N == 0u || x + j < OUT_W);
        sum[t] = fma(dy[j], select(0.0, value, isInside), sum[t]);
      }
    }
  }

  for (var t = 0u; t < TILE_TAPS; t++) {
    sums[t * (WORKGROUP + 1u) + local] = sum[t];
  }
  sums[TILE_TAPS * (WORKGROUP + 1u) + local] = total;
  workgroupBarrier();
  if (local <= TILE_TAPS) {
    var all = 0.0;
    for (var i = 0u; i < WORKGROUP; i++) {
      all += sums[min(local, TILE_TAPS) * (WORKGROUP + 1u) + i];
    }
    let row = group.z * FILTERS + filterIndex;
    if (local < TILE_TAPS) {
      if (firstTap + local < TAPS) {
        store(row * TAPS + firstTap + local, all);
      }
    } else if (SUMS == 1u && firstTap == 0u) {
      storeSum(row, all);
    }
  }
}

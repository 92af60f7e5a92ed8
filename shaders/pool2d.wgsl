// Pooling of images [IMAGES, H, W] (IMAGES counts batch × channels) to [IMAGES, OUT_H, OUT_W], and back.
// One invocation computes one element of the result. Padding is never chosen as a maximum, and counts as zeros in
// an average, as in PyTorch.
//
//   maxSelect      picked(i), i being where element has the first maximum of each window: max-pooling with
//                  picked = element, and the gradient of maxScatter otherwise
//   maxScatter     each element of picked [IMAGES, OUT_H, OUT_W] goes to where its window has its first maximum
//   maxScatterTiled the same where windows lie side by side: one invocation does a window, and the pixels behind the last
//   average        the mean of each window
//   averageScatter each element of element [IMAGES, OUT_H, OUT_W] goes in equal parts to its window

const IMAGES = 1u;
const H = 1u;
const W = 1u;
const OUT_H = 1u;
const OUT_W = 1u;
const KERNEL_H = 1u;
const KERNEL_W = 1u;
const STRIDE_H = 1u;
const STRIDE_W = 1u;
const PAD_H = 0u;
const PAD_W = 0u;
// Invocations along x; beyond one dispatch dimension's limit the grid grows along y.
const ROW = 64u;

// Hooks: a dispatch writes their bodies, and declares the memory that they use.
fn element(index: u32) -> f32 { return 0.0; }
fn picked(index: u32) -> f32 { return 0.0; }
fn store(index: u32, value: f32) {}

// Functions of shaders/scalar.wgsl, which take the place of these.
fn exceeds(a: f32, b: f32) -> bool { return a > b; }
fn isNaN(x: f32) -> bool { return x != x; }

// Position of the first maximum, or the last NaN, as in PyTorch, in the window of output pixel (outY, outX) of an image.
fn firstMaximum(image: u32, outY: u32, outX: u32) -> u32 {
  var best = 0.0;
  var position = 0u;
  var found = false;
  for (var ky = 0u; ky < KERNEL_H; ky++) {
    for (var kx = 0u; kx < KERNEL_W; kx++) {
      // Positions in the padding wrap around to huge numbers.
      let y = outY * STRIDE_H + ky - PAD_H;
      let x = outX * STRIDE_W + kx - PAD_W;
      if (y < H && x < W) {
        let index = (image * H + y) * W + x;
        let value = element(index);
        if (!found || isNaN(value) || exceeds(value, best)) {
          best = value;
          position = index;
          found = true;
        }
      }
    }
  }
  return position;
}

@compute @workgroup_size(64)
fn maxSelect(@builtin(global_invocation_id) id: vec3<u32>) {
  let index = id.y * ROW + id.x;
  if (index < IMAGES * OUT_H * OUT_W) {
    let image = index / (OUT_H * OUT_W);
    store(index, picked(firstMaximum(image, (index / OUT_W) % OUT_H, index % OUT_W)));
  }
}

@compute @workgroup_size(64)
fn maxScatter(@builtin(global_invocation_id) id: vec3<u32>) {
  let index = id.y * ROW + id.x;
  if (index < IMAGES * H * W) {
    let image = index / (H * W);
    var total = 0.0;
    for (var ky = 0u; ky < KERNEL_H; ky++) {
      for (var kx = 0u; kx < KERNEL_W; kx++) {
        let y = (index / W) % H + PAD_H - ky;
        let x = index % W + PAD_W - kx;
        let outY = y / STRIDE_H;
        let outX = x / STRIDE_W;
        if (y % STRIDE_H == 0u && x % STRIDE_W == 0u && outY < OUT_H && outX < OUT_W) {
          if (firstMaximum(image, outY, outX) == index) {
            total += picked((image * OUT_H + outY) * OUT_W + outX);
          }
        }
      }
    }
    store(index, total);
  }
}

@compute @workgroup_size(64)
fn maxScatterTiled(@builtin(global_invocation_id) id: vec3<u32>) {
  const TILES_H = (H + KERNEL_H - 1u) / KERNEL_H;
  const TILES_W = (W + KERNEL_W - 1u) / KERNEL_W;
  let index = id.y * ROW + id.x;
  if (index < IMAGES * TILES_H * TILES_W) {
    let image = index / (TILES_H * TILES_W);
    let outY = (index / TILES_W) % TILES_H;
    let outX = index % TILES_W;
    let position = firstMaximum(image, outY, outX);
    // Behind the last window no maximum is chosen.
    var value = 0.0;
    if (outY < OUT_H && outX < OUT_W) {
      value = picked((image * OUT_H + outY) * OUT_W + outX);
    }
    for (var ky = 0u; ky < KERNEL_H; ky++) {
      for (var kx = 0u; kx < KERNEL_W; kx++) {
        let y = outY * KERNEL_H + ky;
        let x = outX * KERNEL_W + kx;
        if (y < H && x < W) {
          let at = (image * H + y) * W + x;
          store(at, select(0.0, value, at == position));
        }
      }
    }
  }
}

@compute @workgroup_size(64)
fn average(@builtin(global_invocation_id) id: vec3<u32>) {
  let index = id.y * ROW + id.x;
  if (index < IMAGES * OUT_H * OUT_W) {
    let image = index / (OUT_H * OUT_W);
    var total = 0.0;
    for (var ky = 0u; ky < KERNEL_H; ky++) {
      for (var kx = 0u; kx < KERNEL_W; kx++) {
        let y = ((index / OUT_W) % OUT_H) * STRIDE_H + ky - PAD_H;
        let x = (index % OUT_W) * STRIDE_W + kx - PAD_W;
        if (y < H && x < W) {
          total += element((image * H + y) * W + x);
        }
      }
    }
    store(index, total / f32(KERNEL_H * KERNEL_W));
  }
}

@compute @workgroup_size(64)
fn averageScatter(@builtin(global_invocation_id) id: vec3<u32>) {
  let index = id.y * ROW + id.x;
  if (index < IMAGES * H * W) {
    let image = index / (H * W);
    var total = 0.0;
    for (var ky = 0u; ky < KERNEL_H; ky++) {
      for (var kx = 0u; kx < KERNEL_W; kx++) {
        let y = (index / W) % H + PAD_H - ky;
        let x = index % W + PAD_W - kx;
        let outY = y / STRIDE_H;
        let outX = x / STRIDE_W;
        if (y % STRIDE_H == 0u && x % STRIDE_W == 0u && outY < OUT_H && outX < OUT_W) {
          total += element((image * OUT_H + outY) * OUT_W + outX);
        }
      }
    }
    store(index, total / f32(KERNEL_H * KERNEL_W));
  }
}

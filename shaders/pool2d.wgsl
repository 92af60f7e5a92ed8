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
// Whether picked is element.
const SAME = 0u;
// Invocations along x; beyond one dispatch dimension's limit the grid grows along y.
const ROW = 64u;

// Hooks: a dispatch writes their bodies, and declares the memory that they use.
fn element(index: u32) -> f32 { return 0.0; }
fn picked(index: u32) -> f32 { return 0.0; }
fn store(index: u32, value: f32) {}

// Functions of shaders/scalar.wgsl, which take the place of these.
fn exceeds(a: f32, b: f32) -> bool { return a > b; }
fn isNaN(x: f32) -> bool { return x != x; }

// What is known beforehand, so that compilers leave out checks: that no window reaches outside of the image; that the images
// lie as many rows apart as their windows have steps; that windows side by side cover the image; and that each pixel is in
// one window. Up to so many windows have a pixel in common, along each axis.
const INSIDE = PAD_H == 0u && PAD_W == 0u;
const STEPS_FILL = H == OUT_H * STRIDE_H;
const TILES_H = (H + KERNEL_H - 1u) / KERNEL_H;
const TILES_W = (W + KERNEL_W - 1u) / KERNEL_W;
const TILED = H == OUT_H * KERNEL_H && W == OUT_W * KERNEL_W;
const WINDOWS_H = (KERNEL_H + STRIDE_H - 1u) / STRIDE_H;
const WINDOWS_W = (KERNEL_W + STRIDE_W - 1u) / STRIDE_W;
const IN_ONE = TILED && INSIDE && STRIDE_H == KERNEL_H && STRIDE_W == KERNEL_W;

// A place in images of the same size, [rows of all images, columns].
struct Place {
  image: u32,
  y: u32,
  x: u32,
  // Row of all images: image * height + y.
  row: u32,
}

fn placeOf(index: u32, height: u32, width: u32) -> Place {
  let row = index / width;
  let image = row / height;
  return Place(image, row - image * height, index - row * width, row);
}

struct Chosen {
  value: f32,
  position: u32,
}

// The first maximum, or the last NaN, as in PyTorch, in the window of an output pixel.
fn firstMaximum(out: Place) -> Chosen {
  // Positions in the padding wrap around to huge numbers.
  let top = out.y * STRIDE_H - PAD_H;
  let left = out.x * STRIDE_W - PAD_W;
  let row = select(out.image * H + out.y * STRIDE_H, out.row * STRIDE_H, STEPS_FILL) - PAD_H;
  let corner = row * W + left;
  var best = Chosen(0.0, 0u);
  var found = false;
  for (var ky = 0u; ky < KERNEL_H; ky++) {
    for (var kx = 0u; kx < KERNEL_W; kx++) {
      let index = corner + ky * W + kx;
      // Loaded in any case: loads under conditions would wait for one another.
      let value = element(index);
      if (INSIDE || (top + ky < H && left + kx < W)) {
        if (!found || isNaN(value) || exceeds(value, best.value)) {
          best = Chosen(value, index);
          found = true;
        }
      }
    }
  }
  return best;
}

@compute @workgroup_size(64)
fn maxSelect(@builtin(global_invocation_id) id: vec3<u32>) {
  let index = id.y * ROW + id.x;
  if (index < IMAGES * OUT_H * OUT_W) {
    let chosen = firstMaximum(placeOf(index, OUT_H, OUT_W));
    if (SAME == 1u) {
      store(index, chosen.value);
    } else {
      store(index, picked(chosen.position));
    }
  }
}

// The window that a pixel is in, the i-th and j-th before the last one.
fn windowAt(pixel: Place, i: u32, j: u32) -> Place {
  let y = (pixel.y + PAD_H) / STRIDE_H - i;
  let x = (pixel.x + PAD_W) / STRIDE_W - j;
  return Place(pixel.image, y, x, pixel.image * OUT_H + y);
}

// Whether there is such a window, and the pixel is in it.
fn isIn(pixel: Place, window: Place) -> bool {
  return IN_ONE || (window.y < OUT_H && window.x < OUT_W
    && pixel.y + PAD_H - window.y * STRIDE_H < KERNEL_H && pixel.x + PAD_W - window.x * STRIDE_W < KERNEL_W);
}

@compute @workgroup_size(64)
fn maxScatter(@builtin(global_invocation_id) id: vec3<u32>) {
  let index = id.y * ROW + id.x;
  if (index < IMAGES * H * W) {
    let pixel = placeOf(index, H, W);
    var total = 0.0;
    for (var i = 0u; i < WINDOWS_H; i++) {
      for (var j = 0u; j < WINDOWS_W; j++) {
        let window = windowAt(pixel, i, j);
        if (isIn(pixel, window)) {
          if (firstMaximum(window).position == index) {
            total += picked(window.row * OUT_W + window.x);
          }
        }
      }
    }
    store(index, total);
  }
}

@compute @workgroup_size(64)
fn maxScatterTiled(@builtin(global_invocation_id) id: vec3<u32>) {
  let tile = id.y * ROW + id.x;
  if (tile < IMAGES * TILES_H * TILES_W) {
    var window = placeOf(tile, TILES_H, TILES_W);
    window.row = select(window.image * OUT_H + window.y, window.row, TILED);
    let position = firstMaximum(window).position;
    // Behind the last window no maximum is chosen.
    var value = 0.0;
    if (TILED || (window.y < OUT_H && window.x < OUT_W)) {
      value = picked(window.row * OUT_W + window.x);
    }
    let row = select(window.image * H + window.y * KERNEL_H, window.row * KERNEL_H, TILED);
    for (var ky = 0u; ky < KERNEL_H; ky++) {
      for (var kx = 0u; kx < KERNEL_W; kx++) {
        let at = (row + ky) * W + window.x * KERNEL_W + kx;
        if (TILED || (window.y * KERNEL_H + ky < H && window.x * KERNEL_W + kx < W)) {
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
    let out = placeOf(index, OUT_H, OUT_W);
    let top = out.y * STRIDE_H - PAD_H;
    let left = out.x * STRIDE_W - PAD_W;
    let row = select(out.image * H + out.y * STRIDE_H, out.row * STRIDE_H, STEPS_FILL) - PAD_H;
    let corner = row * W + left;
    var total = 0.0;
    for (var ky = 0u; ky < KERNEL_H; ky++) {
      for (var kx = 0u; kx < KERNEL_W; kx++) {
        let value = element(corner + ky * W + kx);
        total += select(0.0, value, INSIDE || (top + ky < H && left + kx < W));
      }
    }
    store(index, total / f32(KERNEL_H * KERNEL_W));
  }
}

@compute @workgroup_size(64)
fn averageScatter(@builtin(global_invocation_id) id: vec3<u32>) {
  let index = id.y * ROW + id.x;
  if (index < IMAGES * H * W) {
    let pixel = placeOf(index, H, W);
    var total = 0.0;
    for (var i = 0u; i < WINDOWS_H; i++) {
      for (var j = 0u; j < WINDOWS_W; j++) {
        let window = windowAt(pixel, i, j);
        let value = element(window.row * OUT_W + window.x);
        total += select(0.0, value, isIn(pixel, window));
      }
    }
    store(index, total / f32(KERNEL_H * KERNEL_W));
  }
}

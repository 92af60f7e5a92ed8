// Softmax cross-entropy of logits [ROWS, CLASSES] against one class index a row, with label smoothing:
// the target is (1 - SMOOTHING) at the label, plus SMOOTHING / CLASSES everywhere.
//
// LANES neighbouring invocations share a row (lanes.wgsl): lane l has the classes l, l + LANES, … of it. It keeps them in
// registers, TILE_KEPT of them, or loads them anew in each pass, where TILE_KEPT is 0. GROUPS workgroups take their rows at a
// time, in TURNS turns. A single workgroup also adds up all rows, in a fixed order: the loss of a whole batch and its gradient
// in one dispatch. Every output is optional; an unused hook stays empty.
//
//   logit(index), label(row)   the inputs
//   storeLoss(row, value)        -log softmax(logits)[target], [ROWS]
//   storeHit(row, value)         1 where the first largest logit is the label's, and none is NaN, else 0, [ROWS]
//   storeGradient(index, value)  softmax(logits) - target, [ROWS, CLASSES]
//   storeTotal(0, value)         the sum of the losses, [1]   (single workgroup)
//   storeCorrect(0, value)       the sum of the hits, [1]     (single workgroup)

const ROWS = 1u;
const CLASSES = 1u;
const SMOOTHING = 0.0;
const TILE_KEPT = 0u;
const GROUPS = 1u;

const SINGLE = GROUPS == 1u;
const ROWS_AT_ONCE = WORKGROUP / LANES;
const TURNS = (ROWS + ROWS_AT_ONCE * GROUPS - 1u) / (ROWS_AT_ONCE * GROUPS);

// Hooks: a dispatch writes their bodies, and declares the memory that they use.
fn logit(index: u32) -> f32 { return 0.0; }
fn label(index: u32) -> f32 { return 0.0; }
fn storeLoss(index: u32, value: f32) {}
fn storeHit(index: u32, value: f32) {}
fn storeGradient(index: u32, value: f32) {}
fn storeTotal(index: u32, value: f32) {}
fn storeCorrect(index: u32, value: f32) {}

// Functions of shaders/scalar.wgsl, which take the place of these.
fn lowest() -> f32 { return -3.4028234e38; }
fn isNaN(x: f32) -> bool { return x != x; }
fn exponential(x: f32) -> f32 { return exp(x); }
fn logarithm(x: f32) -> f32 { return log(x); }

// What a lane keeps of its row.
alias Kept = array<f32, max(TILE_KEPT, 1u)>;

// Losses and hits.
var<workgroup> totals: array<vec2<f32>, WORKGROUP + WORKGROUP / 2u>;

fn larger(a: Largest, value: f32, position: u32) -> Largest {
  if (exceeds(value, a.value)) {
    return Largest(value, position);
  }
  return a;
}

// Probability of a class without smoothing: only the label's.
fn goal(c: u32, answer: u32) -> f32 {
  return select(0.0, 1.0 - SMOOTHING, c == answer) + SMOOTHING / f32(CLASSES);
}

// Whether a row has a class, the lane's k-th. Where all lanes have a k-th, compilers know.
fn hasClass(c: u32, k: u32) -> bool { return (k + 1u) * LANES <= CLASSES || c < CLASSES; }

@compute @workgroup_size(WORKGROUP)
fn crossEntropy(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let lane = laneOf(local);
  var loss = 0.0;
  var hit = 0.0;
  // No constants to the compiler: loops of a few iterations would be written out, each with its exponential, and take some
  // devices a second to compile.
  let turns = select(0u, TURNS, group.x < GROUPS);
  for (var turn = 0u; turn < turns; turn++) {
    let row = (turn * GROUPS + group.x) * ROWS_AT_ONCE + resultOf(local);
    let classes = select(0u, CLASSES, row < ROWS);
    let first = row * CLASSES;
    let answer = u32(label(min(row, ROWS - 1u)));
    var kept: Kept;

    var best = Largest(lowest(), 0u);
    for (var k = 0u; k < TILE_KEPT; k++) {
      let c = k * LANES + lane;
      kept[k] = lowest();
      if (row < ROWS && hasClass(c, k)) {
        kept[k] = logit(first + c);
        best = larger(best, kept[k], c);
      }
    }
    if (TILE_KEPT == 0u) {
      for (var c = lane; c < classes; c += LANES) {
        best = larger(best, logit(first + c), c);
      }
    }
    best = largestOfLanes(best.value, best.position, local);

    // All differences are taken from the row's maximum: logits that are large, but close, keep their digits.
    var sum = 0.0;
    var mean = 0.0;
    for (var k = 0u; k < TILE_KEPT; k++) {
      let inside = hasClass(k * LANES + lane, k);
      let below = best.value - kept[k];
      kept[k] = exponential(-below);
      sum += select(0.0, kept[k], inside);
      if (SMOOTHING > 0.0) {
        mean += select(0.0, below / f32(CLASSES), inside);
      }
    }
    if (TILE_KEPT == 0u) {
      for (var c = lane; c < classes; c += LANES) {
        let below = best.value - logit(first + c);
        sum += exponential(-below);
        if (SMOOTHING > 0.0) {
          mean += below / f32(CLASSES);
        }
      }
    }
    sum = sumOfLanes(sum, local);
    // A class without any probability is infinitely far below: no loss where nothing is smoothed.
    if (SMOOTHING > 0.0) {
      mean = sumOfLanes(mean, local);
    }
    if (row < ROWS && lane == 0u) {
      var rowLoss = (1.0 - SMOOTHING) * (best.value - logit(first + answer)) + logarithm(sum);
      if (SMOOTHING > 0.0) {
        rowLoss += SMOOTHING * mean;
      }
      let rowHit = select(0.0, 1.0, best.position == answer && !isNaN(best.value));
      storeLoss(row, rowLoss);
      storeHit(row, rowHit);
      loss += rowLoss;
      hit += rowHit;
    }

    for (var k = 0u; k < TILE_KEPT; k++) {
      let c = k * LANES + lane;
      if (row < ROWS && hasClass(c, k)) {
        storeGradient(first + c, kept[k] / sum - goal(c, answer));
      }
    }
    if (TILE_KEPT == 0u) {
      for (var c = lane; c < classes; c += LANES) {
        storeGradient(first + c, exponential(logit(first + c) - best.value) / sum - goal(c, answer));
      }
    }
  }
  if (SINGLE) {
    totals[local] = vec2<f32>(loss, hit);
    workgroupBarrier();
    for (var half = select(0u, WORKGROUP / 2u, turns > 0u); half > 0u; half /= 2u) {
      if (local < half) {
        totals[local] += totals[local + half];
      }
      workgroupBarrier();
    }
    if (local == 0u) {
      storeTotal(0u, totals[0].x);
      storeCorrect(0u, totals[0].y);
    }
  }
}

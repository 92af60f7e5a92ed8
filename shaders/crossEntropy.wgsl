// Softmax cross-entropy of logits [ROWS, CLASSES] against one class index a row, with label smoothing:
// the target is (1 - SMOOTHING) at the label, plus SMOOTHING / CLASSES everywhere.
//
// One invocation takes a row, and the rows after it by the number of invocations. With a single workgroup the
// kernel also adds up its rows, in a fixed order: the loss of a whole batch and its gradient in one dispatch.
// Every output is optional; an unused hook stays empty.
//
//   logit(index), label(row)   the inputs
//   storeLoss(row, value)        -log softmax(logits)[target], [ROWS]
//   storeGradient(index, value)  softmax(logits) - target, [ROWS, CLASSES]
//   storeTotal(0, value)         the sum of the losses, [1]            (single workgroup)
//   storeCorrect(0, value)       rows whose first largest logit is the label's, none with a NaN, [1]  (single workgroup)

const ROWS = 1u;
const CLASSES = 1u;
const SMOOTHING = 0.0;
const WORKGROUP = 64u;
const GROUPS = 1u;

// Hooks: a dispatch writes their bodies, and declares the memory that they use.
fn logit(index: u32) -> f32 { return 0.0; }
fn label(index: u32) -> f32 { return 0.0; }
fn storeLoss(index: u32, value: f32) {}
fn storeGradient(index: u32, value: f32) {}
fn storeTotal(index: u32, value: f32) {}
fn storeCorrect(index: u32, value: f32) {}

// Functions of shaders/scalar.wgsl, which take the place of these.
fn exceeds(a: f32, b: f32) -> bool { return a > b; }
fn lowest() -> f32 { return -3.4028234e38; }
fn isNaN(x: f32) -> bool { return x != x; }
fn exponential(x: f32) -> f32 { return exp(x); }
fn logarithm(x: f32) -> f32 { return log(x); }

var<workgroup> losses: array<f32, WORKGROUP>;
var<workgroup> hits: array<f32, WORKGROUP>;

@compute @workgroup_size(WORKGROUP)
fn crossEntropy(
  @builtin(global_invocation_id) id: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
  @builtin(workgroup_id) group: vec3<u32>,
) {
  var loss = 0.0;
  var hit = 0.0;
  for (var row = id.x; row < ROWS; row += WORKGROUP * GROUPS) {
    // No constant to the compiler: loops of a few iterations would be written out, each with its exponential, and take
    // some devices a second to compile.
    let classes = select(0u, CLASSES, row < ROWS);
    let first = row * CLASSES;
    let answer = u32(label(row));
    var highest = lowest();
    var best = 0u;
    for (var c = 0u; c < classes; c++) {
      let x = logit(first + c);
      if (exceeds(x, highest)) {
        highest = x;
        best = c;
      }
    }
    // All differences are taken from the row's maximum: logits that are large, but close, keep their digits.
    var sum = 0.0;
    var mean = 0.0;
    for (var c = 0u; c < classes; c++) {
      let below = highest - logit(first + c);
      sum += exponential(-below);
      if (SMOOTHING > 0.0) {
        mean += below / f32(CLASSES);
      }
    }
    var rowLoss = (1.0 - SMOOTHING) * (highest - logit(first + answer)) + logarithm(sum);
    // A class without any probability is infinitely far below: no loss where nothing is smoothed.
    if (SMOOTHING > 0.0) {
      rowLoss += SMOOTHING * mean;
    }
    storeLoss(row, rowLoss);
    loss += rowLoss;
    hit += select(0.0, 1.0, best == answer && !isNaN(highest));
    for (var c = 0u; c < classes; c++) {
      let goal = select(0.0, 1.0 - SMOOTHING, c == answer) + SMOOTHING / f32(CLASSES);
      storeGradient(first + c, exponential(logit(first + c) - highest) / sum - goal);
    }
  }
  losses[local] = loss;
  hits[local] = hit;
  workgroupBarrier();
  for (var half = select(0u, WORKGROUP / 2u, group.x < GROUPS); half > 0u; half /= 2u) {
    if (local < half) {
      losses[local] += losses[local + half];
      hits[local] += hits[local + half];
    }
    workgroupBarrier();
  }
  if (local == 0u) {
    storeTotal(0u, losses[0]);
    storeCorrect(0u, hits[0]);
  }
}

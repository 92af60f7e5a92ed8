// Optimizers over flat memory: one invocation updates four elements of the arena that holds all parameters.
//
//   parameters, first, second   [SIZE], updated in place; first and second are the optimizer's own state
//   gradients                   [SIZE]; SIZE is a multiple of 64
//   blocks                      [SIZE / 64] pairs: what the learning rate is multiplied by, and the weight decay.
//                               A tensor starts at a multiple of 64 elements, so a block belongs to one tensor
//                               (or is padding, which is zero and stays zero).
//
// The learning rate and what depends on the number of steps come from the step table, at the slots named here.

const SIZE = 1u;
const ROW = 64u;
const LEARNING_RATE = 0u;
// 1 / (1 - beta1^t) and 1 / sqrt(1 - beta2^t), t counting steps from 1.
const CORRECTION1 = 0u;
const CORRECTION2 = 0u;
const MOMENTUM = 0.0;
const NESTEROV = 0u;
const BETA1 = 0.9;
const BETA2 = 0.999;
const EPSILON = 1e-8;
const DECAY = 0.99;
// The bound of clipping.
const LIMIT = 1.0;
// 0: decay is added to the gradient (L2); 1: it shrinks the parameter directly (AdamW, Loshchilov & Hutter 2019).
const DECOUPLED = 0u;

@group(0) @binding(0) var<uniform> step: array<vec4<u32>, 16>;
@group(1) @binding(0) var<storage, read_write> parameters: array<vec4<f32>>;
@group(1) @binding(1) var<storage, read> gradients: array<vec4<f32>>;
@group(1) @binding(2) var<storage, read> blocks: array<vec2<f32>>;
@group(1) @binding(3) var<storage, read_write> first: array<vec4<f32>>;
@group(1) @binding(4) var<storage, read_write> second: array<vec4<f32>>;
// What clipping changes, and the sum of squares that it goes by.
@group(1) @binding(5) var<storage, read_write> clipped: array<vec4<f32>>;
@group(1) @binding(6) var<storage, read> squares: array<f32>;

fn scalar(slot: u32) -> f32 {
  return bitcast<f32>(step[slot / 4u][slot % 4u]);
}

// Functions of shaders/scalar.wgsl, which take the place of these.
fn minimum(a: f32, b: f32) -> f32 { return min(a, b); }
fn maximum(a: f32, b: f32) -> f32 { return max(a, b); }

fn limited(x: f32) -> f32 {
  return maximum(-LIMIT, minimum(LIMIT, x));
}

// Stochastic gradient descent.
@compute @workgroup_size(256)
fn sgd(@builtin(global_invocation_id) id: vec3<u32>) {
  let i = id.y * ROW + id.x;
  if (i >= SIZE / 4u) {
    return;
  }
  let block = blocks[i / 16u];
  let gradient = gradients[i] + block.y * parameters[i];
  parameters[i] -= scalar(LEARNING_RATE) * block.x * gradient;
}

// Momentum (Polyak 1964) and Nesterov's, as PyTorch writes them: velocity = MOMENTUM * velocity + gradient.
@compute @workgroup_size(256)
fn momentum(@builtin(global_invocation_id) id: vec3<u32>) {
  let i = id.y * ROW + id.x;
  if (i >= SIZE / 4u) {
    return;
  }
  let block = blocks[i / 16u];
  let gradient = gradients[i] + block.y * parameters[i];
  let velocity = MOMENTUM * first[i] + gradient;
  first[i] = velocity;
  let direction = select(velocity, gradient + MOMENTUM * velocity, NESTEROV == 1u);
  parameters[i] -= scalar(LEARNING_RATE) * block.x * direction;
}

// Adam (Kingma & Ba 2015), and AdamW with DECOUPLED 1.
@compute @workgroup_size(256)
fn adam(@builtin(global_invocation_id) id: vec3<u32>) {
  let i = id.y * ROW + id.x;
  if (i >= SIZE / 4u) {
    return;
  }
  let block = blocks[i / 16u];
  let rate = scalar(LEARNING_RATE) * block.x;
  var parameter = parameters[i];
  var gradient = gradients[i];
  if (DECOUPLED == 1u) {
    parameter -= rate * block.y * parameter;
  } else {
    gradient += block.y * parameter;
  }
  let mean = BETA1 * first[i] + (1.0 - BETA1) * gradient;
  let variance = BETA2 * second[i] + (1.0 - BETA2) * gradient * gradient;
  first[i] = mean;
  second[i] = variance;
  let denominator = sqrt(variance) * scalar(CORRECTION2) + EPSILON;
  parameters[i] = parameter - rate * scalar(CORRECTION1) * mean / denominator;
}

// RMSProp (Tieleman & Hinton 2012), with momentum as in PyTorch.
@compute @workgroup_size(256)
fn rmsprop(@builtin(global_invocation_id) id: vec3<u32>) {
  let i = id.y * ROW + id.x;
  if (i >= SIZE / 4u) {
    return;
  }
  let block = blocks[i / 16u];
  let gradient = gradients[i] + block.y * parameters[i];
  let variance = DECAY * second[i] + (1.0 - DECAY) * gradient * gradient;
  var velocity = gradient / (sqrt(variance) + EPSILON);
  if (MOMENTUM > 0.0) {
    velocity += MOMENTUM * first[i];
  }
  second[i] = variance;
  first[i] = velocity;
  parameters[i] -= scalar(LEARNING_RATE) * block.x * velocity;
}

// Adagrad (Duchi, Hazan & Singer 2011). CORRECTION1 holds the decay of its learning rate.
@compute @workgroup_size(256)
fn adagrad(@builtin(global_invocation_id) id: vec3<u32>) {
  let i = id.y * ROW + id.x;
  if (i >= SIZE / 4u) {
    return;
  }
  let block = blocks[i / 16u];
  let gradient = gradients[i] + block.y * parameters[i];
  let sum = second[i] + gradient * gradient;
  second[i] = sum;
  let rate = scalar(LEARNING_RATE) * block.x * scalar(CORRECTION1);
  parameters[i] -= rate * gradient / (sqrt(sum) + EPSILON);
}

// Clipping by global norm (Pascanu et al. 2013): all gradients shrink by one factor when their norm is over LIMIT.
@compute @workgroup_size(256)
fn clipNorm(@builtin(global_invocation_id) id: vec3<u32>) {
  let i = id.y * ROW + id.x;
  if (i < SIZE / 4u) {
    clipped[i] *= minimum(1.0, LIMIT / (sqrt(squares[0]) + 1e-6));
  }
}

// Clipping by value: every gradient comes to lie in [-LIMIT, LIMIT].
@compute @workgroup_size(256)
fn clipValue(@builtin(global_invocation_id) id: vec3<u32>) {
  let i = id.y * ROW + id.x;
  if (i < SIZE / 4u) {
    let value = clipped[i];
    clipped[i] = vec4<f32>(limited(value.x), limited(value.y), limited(value.z), limited(value.w));
  }
}

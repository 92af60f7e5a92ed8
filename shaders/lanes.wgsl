// Values of several invocations combined by a tree in workgroup memory: what reductions, softmax and all others that have a
// result of many elements share. A family's shader comes before this text: both are one module.
//
// LANES invocations of a workgroup, its lanes, share a result. Neighbouring lanes lie LANE_STRIDE invocations apart: 1, or
// WORKGROUP / LANES where neighbouring invocations have different results. All invocations of a workgroup call the
// functions, with their local_invocation_index:
//
//   laneOf(local)                           the invocation's lane, below LANES
//   resultOf(local)                         its result, below WORKGROUP / LANES
//   sumOfLanes(value, local)                the sum of the lanes' values
//   maximumOfLanes(value, local)            their maximum; NaN where there is one
//   largestOfLanes(value, position, local)  the maximum, and the first position of it
//
// Every lane gets the combination. Lane l takes in the value of lane l + half, for half = LANES / 2, LANES / 4, … 1: an order
// that is fixed, so that the result is the same in every run. Loops with constant bounds, and half a workgroup of spare
// memory, let compilers see that no index lies outside.

const WORKGROUP = 64u;
// A power of two, at most WORKGROUP.
const LANES = 1u;
const LANE_STRIDE = 1u;
// Above 1: invocations of a full subgroup. Then the functions of subgroupLanes.wgsl take the place of these.
const SUBGROUP = 1u;

const LANE_STEPS = firstLeadingBit(LANES);
const LANE_MEMORY = WORKGROUP + WORKGROUP / 2u;

struct Largest {
  value: f32,
  position: u32,
}

// Functions of shaders/scalar.wgsl, which take the place of these.
fn exceeds(a: f32, b: f32) -> bool { return a > b; }
fn maximum(a: f32, b: f32) -> f32 { return max(a, b); }

var<workgroup> laneValues: array<f32, LANE_MEMORY>;
var<workgroup> lanePositions: array<u32, LANE_MEMORY>;

fn laneOf(local: u32) -> u32 { return local / LANE_STRIDE % LANES; }

fn resultOf(local: u32) -> u32 {
  return local / (LANE_STRIDE * LANES) * LANE_STRIDE + local % LANE_STRIDE;
}

// The invocation of lane 0.
fn firstLane(local: u32) -> u32 {
  return local / (LANE_STRIDE * LANES) * (LANE_STRIDE * LANES) + local % LANE_STRIDE;
}

fn sumOfLanes(value: f32, local: u32) -> f32 {
  if (LANES == 1u) {
    return value;
  }
  var sum = value;
  laneValues[local] = sum;
  workgroupBarrier();
  for (var k = 0u; k < LANE_STEPS; k++) {
    let half = (LANES / 2u) >> k;
    if (laneOf(local) < half) {
      sum += laneValues[local + half * LANE_STRIDE];
      laneValues[local] = sum;
    }
    workgroupBarrier();
  }
  sum = laneValues[firstLane(local)];
  // The memory is free for the next combination.
  workgroupBarrier();
  return sum;
}

fn maximumOfLanes(value: f32, local: u32) -> f32 {
  if (LANES == 1u) {
    return value;
  }
  var highest = value;
  laneValues[local] = highest;
  workgroupBarrier();
  for (var k = 0u; k < LANE_STEPS; k++) {
    let half = (LANES / 2u) >> k;
    if (laneOf(local) < half) {
      highest = maximum(highest, laneValues[local + half * LANE_STRIDE]);
      laneValues[local] = highest;
    }
    workgroupBarrier();
  }
  highest = laneValues[firstLane(local)];
  workgroupBarrier();
  return highest;
}

fn largestOfLanes(value: f32, position: u32, local: u32) -> Largest {
  var largest = Largest(value, position);
  if (LANES == 1u) {
    return largest;
  }
  laneValues[local] = value;
  lanePositions[local] = position;
  workgroupBarrier();
  for (var k = 0u; k < LANE_STEPS; k++) {
    let half = (LANES / 2u) >> k;
    if (laneOf(local) < half) {
      let other = Largest(laneValues[local + half * LANE_STRIDE], lanePositions[local + half * LANE_STRIDE]);
      if (exceeds(other.value, largest.value)
        || (!exceeds(largest.value, other.value) && other.position < largest.position)) {
        largest = other;
        laneValues[local] = other.value;
        lanePositions[local] = other.position;
      }
    }
    workgroupBarrier();
  }
  largest = Largest(laneValues[firstLane(local)], lanePositions[firstLane(local)]);
  workgroupBarrier();
  return largest;
}

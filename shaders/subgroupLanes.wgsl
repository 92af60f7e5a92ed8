// The functions of lanes.wgsl where a device's subgroups are known: they take the place of those, and combine the same
// values in the same order, so that the results are the same to the bit. Lanes of one subgroup exchange their values; lanes
// of two subgroups meet in workgroup memory, once.
//
// Subgroups are full. `local` is subgroup_id * SUBGROUP + subgroup_invocation_id: WGSL promises no such thing of
// local_invocation_index, which specialising replaces.

enable subgroups;

const WORKGROUP = 64u;
const LANES = 1u;
const LANE_STRIDE = 1u;
// Invocations of a subgroup, a power of two that divides WORKGROUP.
const SUBGROUP = 4u;

// Invocations in a row that hold all lanes of a result, or of LANE_STRIDE results: at most two parts of it are in
// different subgroups.
const SPAN = LANES * LANE_STRIDE;
const PART = min(SPAN, max(SUBGROUP, LANE_STRIDE));
// The lanes of a part are half of it apart, a quarter, … and last LANE_STRIDE.
const EXCHANGES = firstLeadingBit(PART / LANE_STRIDE);

struct Largest {
  value: f32,
  position: u32,
}

// Functions of shaders/scalar.wgsl, which take the place of these.
fn exceeds(a: f32, b: f32) -> bool { return a > b; }
fn maximum(a: f32, b: f32) -> f32 { return max(a, b); }

var<workgroup> laneValues: array<f32, WORKGROUP>;
var<workgroup> lanePositions: array<u32, WORKGROUP>;

// The value of the invocation at `distance`, a power of two: the number of the one is that of the other with this bit
// flipped.
fn exchanged(value: f32, distance: u32) -> f32 {
  // Compilers fold exchanges within four into the operation that follows.
  if (distance == 1u) {
    return quadSwapX(value);
  }
  if (distance == 2u) {
    return quadSwapY(value);
  }
  return subgroupShuffleXor(value, distance);
}

fn exchangedPosition(position: u32, distance: u32) -> u32 {
  if (distance == 1u) {
    return quadSwapX(position);
  }
  if (distance == 2u) {
    return quadSwapY(position);
  }
  return subgroupShuffleXor(position, distance);
}

// The invocation with the same place in the first part.
fn inFirstPart(local: u32) -> u32 { return local / SPAN * SPAN + local % PART; }

fn sumOfLanes(value: f32, local: u32) -> f32 {
  var sum = value;
  if (SPAN > PART) {
    laneValues[local] = value;
    workgroupBarrier();
    sum = laneValues[inFirstPart(local)] + laneValues[inFirstPart(local) + PART];
    // The memory is free for the next combination.
    workgroupBarrier();
  }
  for (var k = 0u; k < EXCHANGES; k++) {
    sum += exchanged(sum, (PART / 2u) >> k);
  }
  return sum;
}

fn maximumOfLanes(value: f32, local: u32) -> f32 {
  var highest = value;
  if (SPAN > PART) {
    laneValues[local] = value;
    workgroupBarrier();
    highest = maximum(laneValues[inFirstPart(local)], laneValues[inFirstPart(local) + PART]);
    workgroupBarrier();
  }
  for (var k = 0u; k < EXCHANGES; k++) {
    highest = maximum(highest, exchanged(highest, (PART / 2u) >> k));
  }
  return highest;
}

fn largerOf(a: Largest, b: Largest) -> Largest {
  if (exceeds(b.value, a.value) || (!exceeds(a.value, b.value) && b.position < a.position)) {
    return b;
  }
  return a;
}

fn largestOfLanes(value: f32, position: u32, local: u32) -> Largest {
  var largest = Largest(value, position);
  if (SPAN > PART) {
    laneValues[local] = value;
    lanePositions[local] = position;
    workgroupBarrier();
    let first = inFirstPart(local);
    largest = largerOf(
      Largest(laneValues[first], lanePositions[first]),
      Largest(laneValues[first + PART], lanePositions[first + PART]),
    );
    workgroupBarrier();
  }
  for (var k = 0u; k < EXCHANGES; k++) {
    let distance = (PART / 2u) >> k;
    let other = Largest(exchanged(largest.value, distance), exchangedPosition(largest.position, distance));
    largest = largerOf(largest, other);
  }
  return largest;
}

// The functions of lanes.wgsl where a device's subgroups are known: they take the place of those, and combine the same
// values in the same order, so that the results are the same to the bit. Lanes of one subgroup exchange their values; the
// parts of several subgroups meet in workgroup memory, once.
//
// Subgroups are full. `local` is subgroup_id * SUBGROUP + subgroup_invocation_id: WGSL promises no such thing of
// local_invocation_index, which specialising replaces.

enable subgroups;

const WORKGROUP = 64u;
const LANES = 1u;
const LANE_STRIDE = 1u;
// Invocations of a subgroup, a power of two that divides WORKGROUP.
const SUBGROUP = 4u;

// Invocations in a row that hold all lanes of a result, or of LANE_STRIDE results.
const SPAN = LANES * LANE_STRIDE;
// Lanes this far apart, and further, are in different subgroups: so many parts.
const APART = max(SUBGROUP, LANE_STRIDE);
const PARTS_OF_SPAN = max(SPAN / APART, 1u);
const PART_STEPS = firstLeadingBit(PARTS_OF_SPAN);
// The lanes nearer than that are half of EXCHANGED apart, a quarter, … and last LANE_STRIDE.
const EXCHANGED = min(SPAN, APART);
const EXCHANGES = firstLeadingBit(EXCHANGED / LANE_STRIDE);

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
fn firstPart(local: u32) -> u32 { return local / SPAN * SPAN + local % APART; }

fn sumOfLanes(value: f32, local: u32) -> f32 {
  var sum = value;
  if (PARTS_OF_SPAN > 1u) {
    laneValues[local] = value;
    workgroupBarrier();
    var sums: array<f32, PARTS_OF_SPAN>;
    for (var i = 0u; i < PARTS_OF_SPAN; i++) {
      sums[i] = laneValues[firstPart(local) + i * APART];
    }
    // The memory is free for the next combination.
    workgroupBarrier();
    for (var k = 0u; k < PART_STEPS; k++) {
      let half = (PARTS_OF_SPAN / 2u) >> k;
      for (var i = 0u; i < PARTS_OF_SPAN / 2u; i++) {
        if (i < half) {
          sums[i] += sums[i + half];
        }
      }
    }
    sum = sums[0];
  }
  for (var k = 0u; k < EXCHANGES; k++) {
    sum += exchanged(sum, (EXCHANGED / 2u) >> k);
  }
  return sum;
}

fn maximumOfLanes(value: f32, local: u32) -> f32 {
  var highest = value;
  if (PARTS_OF_SPAN > 1u) {
    laneValues[local] = value;
    workgroupBarrier();
    highest = laneValues[firstPart(local)];
    for (var i = 1u; i < PARTS_OF_SPAN; i++) {
      highest = maximum(highest, laneValues[firstPart(local) + i * APART]);
    }
    workgroupBarrier();
  }
  for (var k = 0u; k < EXCHANGES; k++) {
    highest = maximum(highest, exchanged(highest, (EXCHANGED / 2u) >> k));
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
  if (PARTS_OF_SPAN > 1u) {
    laneValues[local] = value;
    lanePositions[local] = position;
    workgroupBarrier();
    largest = Largest(laneValues[firstPart(local)], lanePositions[firstPart(local)]);
    for (var i = 1u; i < PARTS_OF_SPAN; i++) {
      let at = firstPart(local) + i * APART;
      largest = largerOf(largest, Largest(laneValues[at], lanePositions[at]));
    }
    workgroupBarrier();
  }
  for (var k = 0u; k < EXCHANGES; k++) {
    let distance = (EXCHANGED / 2u) >> k;
    let other = Largest(exchanged(largest.value, distance), exchangedPosition(largest.position, distance));
    largest = largerOf(largest, other);
  }
  return largest;
}

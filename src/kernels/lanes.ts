/** Lanes: invocations of a workgroup that share a result, and combine their parts of it (shaders/lanes.wgsl). */
import { type Constants, type DeviceTraits, isNarrow } from "./kernel.ts";

/** Most subgroups in which the lanes of a result may lie: over more, the tree in workgroup memory takes less work. */
const MOST_PARTS = 2;

/**
 * The constants with SUBGROUP for such a device: the size of its subgroups, where lanes exchange values within them
 * (shaders/subgroupLanes.wgsl), or 1. Results are the same to the bit.
 */
export function withSubgroup(constants: Constants, traits: DeviceTraits): Constants {
  const { subgroupSize: size } = traits;
  const { LANES, LANE_STRIDE = 1, WORKGROUP } = constants;
  const pays =
    !isNarrow(traits) &&
    size !== undefined &&
    WORKGROUP % size === 0 &&
    LANES > 1 &&
    LANES * LANE_STRIDE <= MOST_PARTS * Math.max(size, LANE_STRIDE);
  return { ...constants, SUBGROUP: pays ? size : 1 };
}

/** Results of `size` elements each, on workgroups of so many invocations. */
export interface LaneWork {
  readonly results: number;
  readonly size: number;
  readonly workgroup: number;
}

/** Fraction of lanes at work that a wide device should have at least. */
const BUSY = 0.9;
/** Least number of elements of a lane: the tree over the lanes costs as much as a few. */
const ELEMENTS = 4;

/**
 * Number of lanes for a wide device, a power of two up to `most`: the largest that keeps nine tenths of all lanes at work,
 * or the one that keeps most. With `wanted`, the least that makes so many invocations.
 */
export function busyLanes(
  work: LaneWork,
  most: number = work.workgroup,
  wanted = Number.POSITIVE_INFINITY,
): number {
  let best = 1;
  for (let lanes = 2; lanes <= most && lanes * ELEMENTS <= work.size; lanes *= 2) {
    if (best * work.results >= wanted && busyFraction(work, best) >= BUSY) break;
    if (busyFraction(work, lanes) >= Math.min(BUSY, busyFraction(work, best))) best = lanes;
  }
  return best;
}

/** Fraction of lanes at work: the last workgroup lacks results, and the last turn of its lanes elements. */
export function busyFraction({ results, size, workgroup }: LaneWork, lanes: number): number {
  const perGroup = workgroup / lanes;
  return (results / roundedUp(results, perGroup)) * (size / roundedUp(size, lanes));
}

function roundedUp(count: number, to: number): number {
  return Math.ceil(count / to) * to;
}

/** Workgroups that keep all cores of a narrow device busy. */
const NARROW_GROUPS = 2;
/** Most lanes of a narrow device: its processor's vector. */
const NARROW_LANES = 8;

/**
 * Number of lanes for a narrow device: 1, unless the results alone keep few cores busy. Lanes wait for one another, which
 * takes a processor longer than the elements.
 */
export function narrowLanes(results: number, size: number, workgroup: number): number {
  let lanes = 1;
  while (lanes < NARROW_LANES && lanes * 8 <= size && results * lanes < NARROW_GROUPS * workgroup) lanes *= 2;
  return lanes;
}

/**
 * Launches: units of work for a device. A launch is one dispatch, or several independent ones that run side by side,
 * each on its own workgroups.
 */
import type { Dispatch, Program, View } from "../program.ts";
import { elementCount, flaggedBindings, MAX_OUTPUT_BINDINGS, MAX_STORAGE_BINDINGS } from "../program.ts";
import { kernelNamed } from "./index.ts";
import {
  type Access,
  elementType,
  hookBinding,
  kernelBinding,
  MAX_GROUPS,
  MAX_WORKGROUP_BYTES,
  SMALL_WORKGROUP_BYTES,
  spread,
} from "./kernel.ts";

/** Whether the launch is one dispatch on its kernel's own grid. */
export function runsAlone(dispatches: readonly Dispatch[]): boolean {
  return dispatches.length === 1 && gridOf(dispatches[0]).every((count) => count <= MAX_GROUPS);
}

/** Number of workgroups of a dispatch on its own. */
export function gridOf({ kernel, constants }: Dispatch): readonly [number, number, number] {
  return kernelNamed(kernel).grid(constants);
}

/** Invocations of each workgroup of the dispatch's launch, [x, y]. */
export function workgroupOf({ kernel, constants }: Dispatch): readonly [number, number] {
  return kernelNamed(kernel).workgroup(constants);
}

/**
 * Number of workgroups of a launch along each dimension: its kernel's own grid; or, for joined dispatches and grids
 * beyond the limit, all workgroups numbered in one row that is folded.
 * @throws RangeError where a launch has more workgroups than a device supports
 */
export function launchGrid(dispatches: readonly Dispatch[]): readonly [number, number, number] {
  if (runsAlone(dispatches)) return gridOf(dispatches[0]);
  const total = dispatches.reduce((sum, dispatch) => sum + groupCount(dispatch), 0);
  const grid = spread(total);
  const [{ kernel, label }] = dispatches;
  if (grid[1] > MAX_GROUPS || !dispatches.every((dispatch) => kernelNamed(dispatch.kernel).joinable)) {
    throw new RangeError(
      `${kernel} (${label}) takes ${total} workgroups, more than a device can be asked for; use a smaller batch`,
    );
  }
  return grid;
}

/** One binding of a joined launch, and the bindings of its dispatches that it replaces. */
interface SharedBinding {
  readonly access: Access;
  /** Element type in WGSL. */
  readonly element: string;
  view: View;
  /**
   * Whether only hooks use the binding. Hooks add the offset of their part, so that the binding may hold several parts.
   */
  readonly byHooks: boolean;
  readonly users: { readonly part: number; readonly name: string; readonly offset: number }[];
}

/** Bindings of joined dispatches: parts of one buffer share a binding where only hooks use them. */
export function sharedBindings(dispatches: readonly Dispatch[]): SharedBinding[] {
  const shared: SharedBinding[] = [];
  dispatches.forEach((dispatch, part) => {
    const kernel = kernelNamed(dispatch.kernel);
    for (const [name, view] of Object.entries(dispatch.bindings)) {
      const { access } = kernelBinding(kernel, name);
      const byHooks = hookBinding(name) !== undefined;
      const element = byHooks ? "u32" : elementType(kernel, name, dispatch.constants);
      const user = { part, name, offset: view.offset };
      const same = shared.find(
        (other) =>
          other.view.buffer === view.buffer &&
          other.access === access &&
          other.element === element &&
          (byHooks || (other.view.offset === view.offset && size(other.view) === size(view))),
      );
      if (!same) {
        shared.push({ access, element, view, byHooks, users: [user] });
        continue;
      }
      const start = Math.min(same.view.offset, view.offset);
      const end = Math.max(same.view.offset + size(same.view), view.offset + size(view));
      same.view = { buffer: view.buffer, offset: start, shape: [end - start] };
      same.users.push(user);
    }
  });
  return shared;
}

function size(view: View): number {
  return elementCount(view.shape);
}

function groupCount(dispatch: Dispatch): number {
  return gridOf(dispatch).reduce((product, count) => product * count, 1);
}

/** Workgroup memory of a launch: its parts share the vectors of four, and those that keep single values share these. */
function workgroupBytes(dispatches: readonly Dispatch[]): number {
  let vectors = 0;
  let values = 0;
  for (const { kernel, constants } of dispatches) {
    const { workgroupBytes, valueBytes } = kernelNamed(kernel);
    if (workgroupBytes) vectors = Math.max(vectors, workgroupBytes(constants));
    else values = Math.max(values, valueBytes?.(constants) ?? SMALL_WORKGROUP_BYTES);
  }
  return vectors + values;
}

/** Whether independent dispatches can be one launch within the limits of kernels and devices. */
export function canShareLaunch(dispatches: readonly Dispatch[], buffers: Program["buffers"]): boolean {
  if (!dispatches.every(({ kernel }) => kernelNamed(kernel).joinable)) return false;
  if (dispatches.length > 1 && dispatches.some((one) => kernelNamed(one.kernel).standsAlone?.(one)))
    return false;
  if (dispatches.length > 1 && dispatches.some((one) => flaggedBindings(one).size > 0)) return false;
  if (workgroupBytes(dispatches) > MAX_WORKGROUP_BYTES) return false;
  const sizes = dispatches.map(workgroupOf);
  if (sizes.some((size) => String(size) !== String(sizes[0]))) return false;
  const groups = dispatches.reduce((sum, dispatch) => sum + groupCount(dispatch), 0);
  if (groups > MAX_GROUPS) return false;
  const shared = sharedBindings(dispatches);
  const outputs = shared.filter(({ view }) => buffers[view.buffer].kind === "output");
  return shared.length <= MAX_STORAGE_BINDINGS && outputs.length <= MAX_OUTPUT_BINDINGS;
}

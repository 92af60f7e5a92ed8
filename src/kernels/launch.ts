/**
 * Launches: what a device is told to run. A launch is one dispatch, or several that do not depend on each other, run side
 * by side: each on workgroups of its own.
 */
import type { Dispatch, Program, View } from "../program.ts";
import { elementCount, MAX_OUTPUT_BINDINGS, MAX_STORAGE_BINDINGS } from "../program.ts";
import { kernelNamed } from "./index.ts";
import { type Access, elementType, hookBinding, kernelBinding, MAX_GROUPS, spread } from "./kernel.ts";

/** Whether the launch is one dispatch on its kernel's own grid. */
export function runsAlone(dispatches: readonly Dispatch[]): boolean {
  return dispatches.length === 1 && gridOf(dispatches[0]).every((count) => count <= MAX_GROUPS);
}

/** Workgroups that a dispatch's kernel would be run on alone. */
export function gridOf({ kernel, constants }: Dispatch): readonly [number, number, number] {
  return kernelNamed(kernel).grid(constants);
}

/** Invocations of each workgroup of a launch that the dispatch is in, [x, y]. */
export function workgroupOf({ kernel, constants }: Dispatch): readonly [number, number] {
  return kernelNamed(kernel).workgroup(constants);
}

/**
 * Workgroups of a launch along each dimension: its kernel's own grid or, where dispatches run together and where that grid
 * is longer than devices take, all workgroups numbered in one row, which is broken into several.
 * @throws RangeError when there are more workgroups than a device can be asked for
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

/** One binding of a joined launch, and which bindings of its dispatches it stands for. */
interface SharedBinding {
  readonly access: Access;
  /** In WGSL. */
  readonly element: string;
  view: View;
  /** Only hooks use it. They are written for where in it their part begins, so that it may hold several. */
  readonly byHooks: boolean;
  readonly users: { readonly part: number; readonly name: string; readonly offset: number }[];
}

/** The bindings of dispatches that run together: parts of one buffer share a binding where hooks alone use them. */
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

/** Whether dispatches that do not depend on each other can be one launch, as far as kernels and devices' limits go. */
export function canShareLaunch(dispatches: readonly Dispatch[], buffers: Program["buffers"]): boolean {
  if (!dispatches.every(({ kernel }) => kernelNamed(kernel).joinable)) return false;
  const sizes = dispatches.map(workgroupOf);
  if (sizes.some((size) => String(size) !== String(sizes[0]))) return false;
  const groups = dispatches.reduce((sum, dispatch) => sum + groupCount(dispatch), 0);
  if (groups > MAX_GROUPS) return false;
  const shared = sharedBindings(dispatches);
  const outputs = shared.filter(({ view }) => buffers[view.buffer].kind === "output");
  return shared.length <= MAX_STORAGE_BINDINGS && outputs.length <= MAX_OUTPUT_BINDINGS;
}

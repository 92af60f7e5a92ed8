/**
 * The texts of shaders. In the sources, a kernel has its shader's text. In the built package, the text is left out of
 * the kernel, which keeps a mark in its place, and is added to this module, which is loaded where a program is compiled on
 * a GPU: scripts/build-plugins.mjs does both.
 */
import random from "../../shaders/random.wgsl?raw";
import scalar from "../../shaders/scalar.wgsl?raw";
import subgroupLanes from "../../shaders/subgroupLanes.wgsl?raw";
import { kernels } from "./index.ts";

/** Functions that the passes add to kernels' shaders. */
export const libraries = { random, scalar, subgroupLanes };

/** Texts by name, added by the build. */
const texts: Readonly<Record<string, string>> = {};

/** The text of a kernel's shader, without marks. */
export function shaderText(shader: string): string {
  return shader.replace(/@shader\((\w+)\)/g, (_mark, name: string) => texts[name]);
}

/** All that shaders are made of, without marks: the texts of all kernels and libraries. */
export function allShaderTexts(): string[] {
  const ofKernels = Object.values(kernels).map(({ shader }) => shader);
  return [...ofKernels, ...Object.values(libraries)].map(shaderText);
}

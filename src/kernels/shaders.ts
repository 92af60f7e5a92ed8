/**
 * The texts of shaders. In the sources, a kernel has its shader's text. In the built package, the text is left out of
 * the kernel, which keeps a mark in its place, and is added to this module, which is loaded where a program is compiled on
 * a GPU: scripts/build-plugins.mjs does both.
 */

/** Texts by name, added by the build. */
const texts: Readonly<Record<string, string>> = {};

/** The text of a kernel's shader, without marks. */
export function shaderText(shader: string): string {
  return shader.replace(/@shader\((\w+)\)/g, (_mark, name: string) => texts[name]);
}

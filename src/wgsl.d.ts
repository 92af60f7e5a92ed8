/** Vite's `?raw` import: the text of a shader. */
declare module "*.wgsl?raw" {
  const source: string;
  export default source;
}

/** The package's module for Node; its types stand beside it under the package's own name. */
declare module "wgsl_reflect/wgsl_reflect.module.js" {
  export * from "wgsl_reflect";
}

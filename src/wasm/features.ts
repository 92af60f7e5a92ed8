/** What the host's WebAssembly can do, found out by compiling. */
import { EngineError } from "../runtime/engine.ts";
import { builtinModule } from "./environment.ts";
import type { Features } from "./kernels/kernel.ts";

/** A module of one function, (func (drop …)). */
function probe(...code: number[]): Uint8Array<ArrayBuffer> {
  const body = [0, ...code, 0x1a, 0x0b];
  const header = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
  return Uint8Array.of(
    ...header,
    1,
    4,
    1,
    0x60,
    0,
    0,
    3,
    2,
    1,
    0,
    10,
    body.length + 2,
    1,
    body.length,
    ...body,
  );
}

/** (i8x16.splat (i32.const 0)) */
const ZEROS = [0x41, 0, 0xfd, 15];
const SIMD = probe(...ZEROS);
/** (f32x4.relaxed_madd zeros zeros zeros) */
const RELAXED_SIMD = probe(...ZEROS, ...ZEROS, ...ZEROS, 0xfd, 0x85, 2);

/** Why a module does not compile; undefined where it does. */
function refusal(bytes: Uint8Array<ArrayBuffer>): unknown {
  try {
    new WebAssembly.Module(bytes);
  } catch (error) {
    return error;
  }
}

/**
 * Finds out what kernels may use. Node 20 has relaxed SIMD behind a flag, which is set here for the whole process.
 * @throws EngineError where WebAssembly or its SIMD is missing, or a content security policy forbids it
 */
export function probeFeatures(): Features {
  const cause = refusal(SIMD);
  if (cause !== undefined) throw noSimd(cause);
  if (refusal(RELAXED_SIMD) === undefined) return { relaxed: true };
  builtinModule("node:v8")?.setFlagsFromString("--experimental-wasm-relaxed-simd");
  return { relaxed: refusal(RELAXED_SIMD) === undefined };
}

function noSimd(cause: unknown): EngineError {
  // A policy forbids to compile, not to validate.
  const isForbidden = typeof WebAssembly === "object" && WebAssembly.validate(SIMD);
  return new EngineError(
    isForbidden
      ? `wasm: WebAssembly does not compile here: ${(cause as Error)?.message ?? cause}; add 'wasm-unsafe-eval' to script-src of the page's content security policy, or train on cpu()`
      : "wasm: this host has no WebAssembly with SIMD, which browsers have from Chrome 91, Firefox 89 and Safari 16.4 on; use a newer one, or train on cpu()",
    { cause },
  );
}

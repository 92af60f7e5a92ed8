/** Error scopes: they tell whose error it is that WebGPU reports. */

/** The result of work in error scopes. */
export interface Scoped<T> {
  /** Undefined where the work threw. */
  readonly value: T | undefined;
  /** What the work threw, or WebGPU's error. Rejects, which nobody has to handle, where WebGPU does not tell. */
  readonly error: Promise<Refusal | undefined>;
  /** What the work threw. */
  readonly thrown: Refusal | undefined;
}

/** Why something failed. */
export interface Refusal {
  readonly message: string;
}

/** From the outermost. */
const FILTERS = ["internal", "out-of-memory", "validation"] as const;
/** Number of the scope of missing memory, from the innermost. */
const MEMORY = 1;

function outOfMemory({ message }: Refusal): Refusal {
  return {
    message: `the device has not enough memory (${message}); use a smaller batch or model, accumulate over more parts, or give dataMemory`,
  };
}

/**
 * Runs `work` inside error scopes. `work` is synchronous, because scopes are a stack of the device: other work in
 * between would fall into them.
 */
export function scoped<T>(
  device: Pick<GPUDevice, "pushErrorScope" | "popErrorScope">,
  work: () => T,
): Scoped<T> {
  for (const filter of FILTERS) device.pushErrorScope(filter);
  let value: T | undefined;
  let thrown: Refusal | undefined;
  try {
    value = work();
  } catch (cause) {
    thrown = cause instanceof Error ? cause : { message: String(cause) };
  }
  const error = firstError(
    FILTERS.map(() => device.popErrorScope()),
    thrown,
  );
  error.catch(() => {});
  return { value, error, thrown };
}

/** The error of an inner scope comes first; WebGPU's own message says more than what was thrown in consequence. */
async function firstError(
  scopes: readonly Promise<GPUError | null>[],
  thrown: Refusal | undefined,
): Promise<Refusal | undefined> {
  let error: Refusal | undefined;
  let untold: PromiseRejectedResult | undefined;
  for (const [i, result] of (await Promise.allSettled(scopes)).entries()) {
    if (result.status === "rejected") untold ??= result;
    else if (result.value) error ??= i === MEMORY ? outOfMemory(result.value) : result.value;
  }
  error ??= thrown;
  if (!error && untold) throw untold.reason;
  return error;
}

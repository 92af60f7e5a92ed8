/** Immediates: words that a pass sets and shaders read, without a buffer. */
import { IMMEDIATE_SLOTS } from "../../program.ts";
import { IMMEDIATE_BYTES } from "./constants.ts";

/** What a device is asked for immediates. */
export type ImmediatesDevice = Pick<
  GPUDevice,
  | "limits"
  | "pushErrorScope"
  | "popErrorScope"
  | "createShaderModule"
  | "createPipelineLayout"
  | "createComputePipelineAsync"
  | "createCommandEncoder"
>;

const PROBE = `var<immediate> words: vec4<u32>;

@compute @workgroup_size(1)
fn probe() {
  _ = words;
}
`;

/**
 * Whether a device whose shaders may read immediates has them: it has enough, compiles a pipeline of a few words that
 * reads some, and accepts a pass that sets them.
 */
export async function hasImmediates(device: ImmediatesDevice): Promise<boolean> {
  const { maxImmediateSize = 0 } = device.limits;
  if (maxImmediateSize < IMMEDIATE_BYTES) return false;
  const label = "immediates";
  try {
    const pipeline = await accepted(device, async () => {
      const module = device.createShaderModule({ label, code: PROBE });
      const descriptor = { label, bindGroupLayouts: [null], immediateSize: IMMEDIATE_BYTES };
      const layout = device.createPipelineLayout(descriptor);
      return device.createComputePipelineAsync({ label, layout, compute: { module } });
    });
    await accepted(device, async () => {
      const encoder = device.createCommandEncoder({ label });
      const pass = encoder.beginComputePass({ label });
      pass.setImmediates(0, new Uint32Array(IMMEDIATE_SLOTS), 0, IMMEDIATE_SLOTS);
      pass.setPipeline(pipeline);
      pass.dispatchWorkgroups(1);
      pass.end();
      encoder.finish({ label });
    });
    return true;
  } catch {
    return false;
  }
}

/** The result of `work`, whose calls of the device are in an error scope. @throws where the device refuses one of them */
async function accepted<T>(device: ImmediatesDevice, work: () => Promise<T>): Promise<T> {
  device.pushErrorScope("validation");
  const result = work();
  const [value, error] = await Promise.all([result, device.popErrorScope()]);
  if (error) throw error;
  return value;
}

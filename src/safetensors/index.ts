/** The public surface of `wgrad/safetensors`. */
export {
  decodeSafetensors,
  encodeSafetensors,
  type SafetensorsFile,
  type SafetensorsTensor,
  type Tensors,
} from "../io/safetensors.ts";

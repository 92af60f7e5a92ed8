/** The public surface of `wgrad/safetensors`. */
export {
  decodeSafetensors,
  encodeSafetensors,
  type SafetensorsFile,
  type SafetensorsTensor,
} from "../io/safetensors.ts";

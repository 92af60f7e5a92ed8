import { asLayer, isSequential, type Layer, type LayerFunction, type Sequential } from "../model.ts";

/**
 * Freezes a layer: nothing in it is trained, and in training it behaves as in evaluation. Batch normalisation uses its
 * running statistics and does not change them; dropout drops nothing; gradients pass through to earlier layers.
 * Parameters keep their names, so that weights of the unfrozen model can be loaded. Equivalent to `trainable = False`
 * in Keras, and to `eval()` with `requires_grad_(False)` in PyTorch.
 * @throws TypeError where `layer` is no layer
 */
export function frozen(layer: Sequential): Sequential;
export function frozen(layer: Layer | LayerFunction): Layer;
export function frozen(model: Layer | LayerFunction): Layer {
  const layer = asLayer(model, "frozen", "the layer");
  const still: Layer = { ...layer, apply: (x, scope) => layer.apply(x, scope.frozen()) };
  if (!isSequential(layer)) return still;
  return {
    ...still,
    withLayers: (layers: readonly Layer[]) => frozen(layer.withLayers(layers)),
  } as Sequential;
}

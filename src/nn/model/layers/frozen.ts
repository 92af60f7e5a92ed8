import { asLayer, isSequential, type Layer, type LayerFunction, type Sequential } from "../model.ts";

/**
 * The layer as it is: nothing in it is trained, and in training, too, it behaves as in evaluation. Batch normalisation goes
 * by its running statistics and leaves them alone, dropout drops nothing; gradients pass through to what lies in front of
 * it. Parameters keep their names, so that a model's weights can be loaded into it. As `trainable = False` in Keras, and
 * as `eval()` with `requires_grad_(False)` in PyTorch.
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

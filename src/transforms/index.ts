/**
 * Preprocessing and postprocessing next to the model: what a program imports from `penstock/transforms`.
 *
 *   const rows = normalise(impute(raw, { fill: medians }), { mean, deviation })
 *   const { outputs } = await engine.infer('quality', { inputs: { features: rows } })
 *
 * Each function takes a tensor, checks it, and lets the addon's vector kernels write the result, synchronously and without
 * any memory but the result's; with `out` not even that. Semantics are numpy's, scikit-learn's or ONNX's, by function:
 * docs/reference/transforms.md. All throw PenstockError ERR_ARGUMENT, ERR_SHAPE or ERR_DTYPE.
 */
export { cast } from './cast.js'
export { clip, impute, normalise, oneHot, scale } from './columns.js'
export { channelsFirst, channelsLast, resize, type ResizeOptions } from './images.js'
export { dequantize, quantize, type QuantizeOptions } from './quantize.js'
export { gather, pad, scatter, slice } from './rows.js'
export { argMax, softmax, topK } from './scores.js'
export { simdLevel } from './level.js'
export type { ColumnValues, Float32Tensor, Int32Tensor } from './arguments.js'

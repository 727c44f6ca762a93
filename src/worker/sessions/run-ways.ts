/** How batches reach ONNX Runtime: by its C API, or by the JavaScript API of its package. */
export const RUN_WAYS = ['native', 'onnxruntime-node'] as const
export type RunWay = (typeof RUN_WAYS)[number]

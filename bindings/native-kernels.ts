/**
 * The kernels that the addon exports, for src/transforms: synchronous, on the caller's thread; memory is lent for the call.
 * native/kernel/<op>.hpp defines the results. Tensors come first; sizes that are many lie in a flat
 * array by a slot of boundary.json, which takes a tenth of what an object's properties take through N-API. Sizes that do not fit throw RangeError.
 */
export interface NativeKernels {
  /** The variant in use: scalar, baseline, avx2 or avx512. */
  simdLevel(): string
  castElements(target: ArrayBufferView, targetDtype: number, source: ArrayBufferView, sourceDtype: number): void
  normaliseRows(target: Float32Array, source: Float32Array, mean: Float32Array, deviation: Float32Array): void
  scaleRows(target: Float32Array, source: Float32Array, factor: Float32Array, offset: Float32Array): void
  clipRows(target: Float32Array, source: Float32Array, low: Float32Array, high: Float32Array): void
  imputeRows(target: Float32Array, source: Float32Array, fill: Float32Array): void
  quantizeRows(
    target: ArrayBufferView,
    source: Float32Array,
    scale: Float32Array,
    zeroPoint: ArrayBufferView,
    isSigned: boolean,
  ): void
  dequantizeRows(
    target: Float32Array,
    source: ArrayBufferView,
    scale: Float32Array,
    zeroPoint: ArrayBufferView,
    isSigned: boolean,
  ): void
  /** categories of all columns, one after the other; ends[c] is where those of column c end. */
  oneHotRows(
    target: Float32Array,
    source: ArrayBufferView,
    categories: ArrayBufferView,
    ends: Uint32Array,
    isInteger: boolean,
  ): void
  gatherRows(target: ArrayBufferView, source: ArrayBufferView, indices: Uint32Array, rowBytes: number): void
  scatterRows(target: ArrayBufferView, source: ArrayBufferView, indices: Uint32Array, rowBytes: number): void
  /** sizes: by PadSlot. */
  padRows(target: ArrayBufferView, source: ArrayBufferView, fill: ArrayBufferView, sizes: Float64Array): void
  /** sizes: by SliceSlot. */
  sliceRows(target: ArrayBufferView, source: ArrayBufferView, sizes: Float64Array): void
  softmaxRows(target: Float32Array, source: Float32Array, columns: number): void
  argMaxRows(target: Int32Array, source: Float32Array, columns: number): void
  topKRows(values: Float32Array, indices: Int32Array, source: Float32Array, columns: number, k: number): void
  /** [count, pixels, channels] to [count, channels, pixels]; sizes: by TransposeSlot. */
  transposeImages(target: ArrayBufferView, source: ArrayBufferView, sizes: Float64Array): void
  /** sizes: by ResizeSlot. */
  resizeImages(target: Float32Array, source: Float32Array, sizes: Float64Array): void
}

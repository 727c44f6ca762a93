// The kernels, for src/transforms: each call runs on the caller's thread, over memory that the caller lends for its
// duration, and keeps nothing. TypeScript has checked dtypes and shapes with good words; here the sizes in bytes are
// checked again, because a wrong one would be a wild pointer.
#include <bit>

#include "addon/handles.hpp"
#include "addon/spec.hpp"
#include "addon/values.hpp"
#include "core/boundary_codes.hpp"
#include "kernel/dispatch.hpp"

namespace penstock::addon {
namespace {
using kernel::kernels;
constexpr int64_t kCountMax = INT32_MAX;

size_t count_of(const Napi::CallbackInfo& info, size_t argument, const char* name, int64_t min = 0) {
  return static_cast<size_t>(read_integer(info[argument], name, min, kCountMax));
}

// The elements of an argument. @throws RangeError unless there are exactly `count`.
template <typename T>
T* elements(const Napi::CallbackInfo& info, size_t argument, size_t count, size_t alignment_bytes = alignof(T)) {
  const ByteSpan bytes = read_bytes(info.Env(), info[argument], "each tensor");
  const bool is_aligned = reinterpret_cast<uintptr_t>(bytes.data) % alignment_bytes == 0;
  if (bytes.size != count * sizeof(T) || !is_aligned)
    throw Napi::RangeError::New(info.Env(), "Expected argument " + std::to_string(argument) + " to have " +
                                                std::to_string(count * sizeof(T)) + " bytes but it has " +
                                                std::to_string(bytes.size));
  return reinterpret_cast<T*>(const_cast<uint8_t*>(bytes.data));
}

size_t size_of(const Napi::CallbackInfo& info, size_t argument) {
  return read_bytes(info.Env(), info[argument], "each tensor").size;
}

// Rows of `columns` elements of T in an argument. @throws RangeError when it is no whole number of rows.
template <typename T>
size_t rows_of(const Napi::CallbackInfo& info, size_t argument, size_t columns) {
  const size_t row_bytes = columns * sizeof(T), bytes = size_of(info, argument);
  if (row_bytes == 0 ? bytes != 0 : bytes % row_bytes != 0)
    throw Napi::RangeError::New(info.Env(), "Expected whole rows in argument " + std::to_string(argument));
  return row_bytes == 0 ? 0 : bytes / row_bytes;
}

Dtype dtype_of(const Napi::CallbackInfo& info, size_t argument) {
  const auto dtype = static_cast<Dtype>(read_integer(info[argument], "dtype", 1, 16));
  if (dtype_size_bytes(dtype) == 0) throw Napi::RangeError::New(info.Env(), "Expected a dtype of fixed size");
  return dtype;
}

Napi::Value simd_level(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), kernel::level_name(kernel::active_level()));
}

Napi::Value cast(const Napi::CallbackInfo& info) {
  const Dtype to = dtype_of(info, 1), from = dtype_of(info, 3);
  const size_t count = size_of(info, 2) / dtype_size_bytes(from);
  cast_elements(elements<std::byte>(info, 0, count * dtype_size_bytes(to)), to,
                elements<std::byte>(info, 2, count * dtype_size_bytes(from)), from, count);
  return info.Env().Undefined();
}

using Columns = kernel::ColumnMaps<float>;
using TwoParameters = void (*Columns::*)(float*, const float*, size_t, size_t, const float*, const float*) noexcept;

// (target, source, first, second): parameters of one value a column.
template <TwoParameters kKernel>
Napi::Value map_columns(const Napi::CallbackInfo& info) {
  const size_t columns = size_of(info, 2) / sizeof(float), rows = rows_of<float>(info, 1, columns);
  (kernels().columns.*kKernel)(elements<float>(info, 0, rows * columns), elements<float>(info, 1, rows * columns), rows,
                               columns, elements<float>(info, 2, columns), elements<float>(info, 3, columns));
  return info.Env().Undefined();
}

Napi::Value impute(const Napi::CallbackInfo& info) {
  const size_t columns = size_of(info, 2) / sizeof(float), rows = rows_of<float>(info, 1, columns);
  kernels().columns.impute(elements<float>(info, 0, rows * columns), elements<float>(info, 1, rows * columns), rows,
                           columns, elements<float>(info, 2, columns));
  return info.Env().Undefined();
}

// (target, source, scale, zeroPoint, isSigned)
Napi::Value quantize(const Napi::CallbackInfo& info) {
  const size_t columns = size_of(info, 2) / sizeof(float), rows = rows_of<float>(info, 1, columns);
  const float* const source = elements<float>(info, 1, rows * columns);
  const float* const scale = elements<float>(info, 2, columns);
  if (info[4].ToBoolean())
    kernels().quantize.to_int8(elements<int8_t>(info, 0, rows * columns), source, rows, columns, scale,
                               elements<int8_t>(info, 3, columns));
  else
    kernels().quantize.to_uint8(elements<uint8_t>(info, 0, rows * columns), source, rows, columns, scale,
                                elements<uint8_t>(info, 3, columns));
  return info.Env().Undefined();
}

Napi::Value dequantize(const Napi::CallbackInfo& info) {
  const size_t columns = size_of(info, 2) / sizeof(float), rows = rows_of<uint8_t>(info, 1, columns);
  float* const target = elements<float>(info, 0, rows * columns);
  const float* const scale = elements<float>(info, 2, columns);
  if (info[4].ToBoolean())
    kernels().quantize.from_int8(target, elements<int8_t>(info, 1, rows * columns), rows, columns, scale,
                                 elements<int8_t>(info, 3, columns));
  else
    kernels().quantize.from_uint8(target, elements<uint8_t>(info, 1, rows * columns), rows, columns, scale,
                                  elements<uint8_t>(info, 3, columns));
  return info.Env().Undefined();
}

// (target, source, categories, ends, isInteger)
Napi::Value one_hot(const Napi::CallbackInfo& info) {
  const size_t columns = size_of(info, 3) / sizeof(uint32_t), rows = rows_of<float>(info, 1, columns);
  const uint32_t* const ends = elements<uint32_t>(info, 3, columns);
  for (size_t c = 1; c < columns; ++c)
    if (ends[c] < ends[c - 1]) throw Napi::RangeError::New(info.Env(), "Expected ends that ascend");
  const size_t width = columns == 0 ? 0 : ends[columns - 1];
  float* const target = elements<float>(info, 0, rows * width);
  if (info[4].ToBoolean())
    kernels().one_hot.int32s(target, elements<int32_t>(info, 1, rows * columns), rows, columns,
                             elements<int32_t>(info, 2, width), ends);
  else
    kernels().one_hot.floats(target, elements<float>(info, 1, rows * columns), rows, columns,
                             elements<float>(info, 2, width), ends);
  return info.Env().Undefined();
}

// (target, source, indices, rowBytes): `bounded` is the side that the indices point into.
template <bool kIsScatter>
Napi::Value move_rows(const Napi::CallbackInfo& info) {
  const size_t row_bytes = count_of(info, 3, "rowBytes", 1);
  const size_t count = size_of(info, 2) / sizeof(uint32_t);
  const uint32_t* const indices = elements<uint32_t>(info, 2, count);
  const size_t bounded = rows_of<std::byte>(info, kIsScatter ? 0 : 1, row_bytes);
  for (size_t i = 0; i < count; ++i)
    if (indices[i] >= bounded) throw Napi::RangeError::New(info.Env(), "Expected each index to be a row");
  auto* const target = elements<std::byte>(info, 0, (kIsScatter ? bounded : count) * row_bytes);
  const auto* const source = elements<std::byte>(info, 1, (kIsScatter ? count : bounded) * row_bytes);
  const auto move = kIsScatter ? kernels().rows.scatter : kernels().rows.gather;
  move(target, source, indices, count, row_bytes);
  return info.Env().Undefined();
}

// (target, source, fill, sizes)
Napi::Value pad_rows(const Napi::CallbackInfo& info) {
  const Numbers<PadSlot> sizes(info[3]);
  const size_t target_bytes = sizes.get(PadSlot::kTargetBytes);
  const size_t source_bytes = sizes.get(PadSlot::kSourceBytes);
  const size_t rows = sizes.get(PadSlot::kRows), fill_bytes = size_of(info, 2);
  const bool is_fit = target_bytes >= source_bytes && fill_bytes > 0 && fill_bytes <= 8 &&
                      (target_bytes - source_bytes) % fill_bytes == 0;
  if (!is_fit) throw Napi::RangeError::New(info.Env(), "Expected rows that grow by whole elements");
  kernels().rows.pad(elements<std::byte>(info, 0, rows * target_bytes), target_bytes,
                     elements<std::byte>(info, 1, rows * source_bytes), source_bytes, rows,
                     elements<std::byte>(info, 2, fill_bytes), fill_bytes);
  return info.Env().Undefined();
}

// (target, source, sizes)
Napi::Value slice_rows(const Napi::CallbackInfo& info) {
  const Numbers<SliceSlot> sizes(info[2]);
  const size_t target_bytes = sizes.get(SliceSlot::kTargetBytes);
  const size_t source_bytes = sizes.get(SliceSlot::kSourceBytes);
  const size_t offset_bytes = sizes.get(SliceSlot::kOffsetBytes);
  const size_t rows = sizes.get(SliceSlot::kRows);
  if (offset_bytes > source_bytes || target_bytes > source_bytes - offset_bytes)
    throw Napi::RangeError::New(info.Env(), "Expected a slice that lies inside its row");
  kernels().rows.slice(elements<std::byte>(info, 0, rows * target_bytes), target_bytes,
                       elements<std::byte>(info, 1, rows * source_bytes), source_bytes, offset_bytes, rows);
  return info.Env().Undefined();
}

Napi::Value softmax(const Napi::CallbackInfo& info) {
  const size_t columns = count_of(info, 2, "columns"), rows = rows_of<float>(info, 1, columns);
  kernels().softmax.rows(elements<float>(info, 0, rows * columns), elements<float>(info, 1, rows * columns), rows,
                         columns);
  return info.Env().Undefined();
}

Napi::Value arg_max(const Napi::CallbackInfo& info) {
  const size_t columns = count_of(info, 2, "columns", 1), rows = rows_of<float>(info, 1, columns);
  kernels().rank.arg_max(elements<int32_t>(info, 0, rows), elements<float>(info, 1, rows * columns), rows, columns);
  return info.Env().Undefined();
}

// (values, indices, source, columns, k)
Napi::Value top_k(const Napi::CallbackInfo& info) {
  const size_t columns = count_of(info, 3, "columns", 1), rows = rows_of<float>(info, 2, columns);
  const auto k = static_cast<size_t>(read_integer(info[4], "k", 1, static_cast<int64_t>(columns)));
  kernels().rank.top_k(elements<float>(info, 0, rows * k), elements<int32_t>(info, 1, rows * k),
                       elements<float>(info, 2, rows * columns), rows, columns, k);
  return info.Env().Undefined();
}

// (target, source, sizes)
Napi::Value transpose_images(const Napi::CallbackInfo& info) {
  const Numbers<TransposeSlot> sizes(info[2]);
  const size_t count = sizes.get(TransposeSlot::kCount);
  const size_t pixels = sizes.get(TransposeSlot::kPixels);
  const size_t channels = sizes.get(TransposeSlot::kChannels);
  const size_t element_bytes = sizes.get(TransposeSlot::kElementBytes, 1, 8);
  const size_t bytes = size_of(info, 1);
  // Divide, never multiply first: the product of hostile sizes wraps.
  if (count == 0 || pixels == 0 || channels == 0) return info.Env().Undefined();
  if (bytes / element_bytes / channels / pixels != count || bytes != count * pixels * channels * element_bytes)
    throw Napi::RangeError::New(info.Env(), "Expected count * pixels * channels elements");
  if (!std::has_single_bit(element_bytes))
    throw Napi::RangeError::New(info.Env(), "Expected elementBytes to be 1, 2, 4 or 8");
  kernel::transpose(kernels().layout, elements<std::byte>(info, 0, bytes, element_bytes),
                    elements<std::byte>(info, 1, bytes, element_bytes), count, pixels, channels, element_bytes);
  return info.Env().Undefined();
}

// (target, source, sizes)
Napi::Value resize_images(const Napi::CallbackInfo& info) {
  const Numbers<ResizeSlot> sizes(info[2]);
  const auto side = [&](size_t slot) { return sizes.get(slot, 1, kImageSideMax); };
  const kernel::ResizeShape shape{sizes.get(ResizeSlot::kCount),   side(ResizeSlot::kHeight),
                                  side(ResizeSlot::kWidth),        side(ResizeSlot::kChannels),
                                  side(ResizeSlot::kTargetHeight), side(ResizeSlot::kTargetWidth)};
  const auto product = [&](size_t height, size_t width) {
    size_t total = shape.count;
    for (const size_t factor : {height, width, shape.channels}) {
      if (total > static_cast<size_t>(kCountMax) / factor)
        throw Napi::RangeError::New(info.Env(), "Expected at most 2^31 - 1 elements");
      total *= factor;
    }
    return total;
  };
  const size_t source_count = product(shape.height, shape.width);
  const size_t target_count = product(shape.target_height, shape.target_width);
  float* const target = elements<float>(info, 0, target_count);
  const float* const source = elements<float>(info, 1, source_count);
  if (target_count == 0) return info.Env().Undefined();
  const auto scratch = std::make_unique<std::byte[]>(shape.scratch_bytes());
  const auto resize = sizes.get(ResizeSlot::kIsLinear, 0, 1) != 0 ? kernels().resize.linear : kernels().resize.nearest;
  resize(target, source, shape, scratch.get());
  return info.Env().Undefined();
}
}  // namespace

void register_kernels(Napi::Env env, Napi::Object exports) {
  export_function<simd_level>(env, exports, "simdLevel");
  export_function<cast>(env, exports, "castElements");
  export_function<map_columns<&Columns::normalise>>(env, exports, "normaliseRows");
  export_function<map_columns<&Columns::scale>>(env, exports, "scaleRows");
  export_function<map_columns<&Columns::clip>>(env, exports, "clipRows");
  export_function<impute>(env, exports, "imputeRows");
  export_function<quantize>(env, exports, "quantizeRows");
  export_function<dequantize>(env, exports, "dequantizeRows");
  export_function<one_hot>(env, exports, "oneHotRows");
  export_function<move_rows<false>>(env, exports, "gatherRows");
  export_function<move_rows<true>>(env, exports, "scatterRows");
  export_function<pad_rows>(env, exports, "padRows");
  export_function<slice_rows>(env, exports, "sliceRows");
  export_function<softmax>(env, exports, "softmaxRows");
  export_function<arg_max>(env, exports, "argMaxRows");
  export_function<top_k>(env, exports, "topKRows");
  export_function<transpose_images>(env, exports, "transposeImages");
  export_function<resize_images>(env, exports, "resizeImages");
}
}  // namespace penstock::addon

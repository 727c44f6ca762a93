// The list of cases. Data is made from one fixed seed, so that result hashes compare between machines.
#include "cases.hpp"

#include <algorithm>
#include <numeric>
#include <random>

namespace penstock::bench {
namespace {
using kernel::Kernels;
using Bytes = std::vector<std::byte>;
constexpr size_t kFeatures = 29;

template <typename T>
T* as(std::byte* bytes) {
  return reinterpret_cast<T*>(bytes);
}
template <typename T>
T* as(const std::shared_ptr<Bytes>& bytes) {
  return reinterpret_cast<T*>(bytes->data());
}

std::shared_ptr<Bytes> floats(size_t count) {
  auto bytes = std::make_shared<Bytes>(count * sizeof(float));
  uint32_t state = 29;
  for (size_t i = 0; i < count; ++i) {
    state = state * 1664525u + 1013904223u;
    as<float>(bytes)[i] = static_cast<float>(static_cast<int32_t>(state)) * 0x1p-28f;  // -8..8
  }
  return bytes;
}

Case cast_case(Dtype from, Dtype to, const char* name, size_t bytes) {
  const size_t from_bytes = dtype_size_bytes(from), to_bytes = dtype_size_bytes(to);
  const size_t count = bytes / (from_bytes + to_bytes);
  auto numbers = floats(count);
  auto source = std::make_shared<Bytes>(count * from_bytes);
  cast_elements(source->data(), from, numbers->data(), Dtype::kFloat32, count);
  auto target = std::make_shared<Bytes>(count * to_bytes);
  return {name,
          Bound::kMemory,
          count,
          count,
          {count * from_bytes, count * to_bytes},
          [=](const Kernels& k) { k.cast.elements(target->data(), to, source->data(), from, count); },
          0.0,
          target};
}

// Maps of a matrix of 29 features; `run(kernels, target, source, rows, a, b)`.
template <typename Run>
Case column_case(const char* name, size_t bytes, size_t target_bytes, Run run) {
  const size_t rows = bytes / kFeatures / (sizeof(float) + target_bytes), count = rows * kFeatures;
  auto source = floats(count), first = floats(kFeatures), second = floats(kFeatures);
  for (size_t c = 0; c < kFeatures; ++c) as<float>(first)[c] = -1.0f - as<float>(first)[c] * as<float>(first)[c];
  for (size_t c = 0; c < kFeatures; ++c) as<float>(second)[c] = 1.0f + as<float>(second)[c] * as<float>(second)[c];
  auto target = std::make_shared<Bytes>(count * target_bytes);
  return {
      name,
      Bound::kMemory,
      rows,
      count,
      {count * sizeof(float), count * target_bytes},
      [=](const Kernels& k) { run(k, target->data(), as<float>(source), rows, as<float>(first), as<float>(second)); },
      0.0,
      target};
}

Case dequantize_case(size_t bytes) {
  const size_t rows = bytes / kFeatures / 5, count = rows * kFeatures;
  auto source = std::make_shared<Bytes>(count), zero = std::make_shared<Bytes>(kFeatures);
  for (size_t i = 0; i < count; ++i) (*source)[i] = static_cast<std::byte>(i * 7);
  auto scale = floats(kFeatures);
  auto target = std::make_shared<Bytes>(count * sizeof(float));
  const auto run = [=](const Kernels& k) {
    k.quantize.from_int8(as<float>(target), as<int8_t>(source), rows, kFeatures, as<float>(scale), as<int8_t>(zero));
  };
  return {"dequantize int8, 29 columns", Bound::kMemory, rows, count, {count, count * 4}, run, 0.0, target};
}

Case one_hot_case(size_t bytes) {
  constexpr size_t kColumns = 4, kCategories = 16, kWidth = kColumns * kCategories;
  const size_t rows = bytes / (kWidth + kColumns) / sizeof(float);
  auto source = std::make_shared<Bytes>(rows * kColumns * sizeof(float));
  for (size_t i = 0; i < rows * kColumns; ++i) as<float>(source)[i] = static_cast<float>(i * 2654435761u % 18);
  auto categories = std::make_shared<Bytes>(kWidth * sizeof(float));
  for (size_t k = 0; k < kWidth; ++k) as<float>(categories)[k] = static_cast<float>(k % kCategories);
  auto ends = std::make_shared<std::vector<uint32_t>>(std::vector<uint32_t>{16, 32, 48, 64});
  auto target = std::make_shared<Bytes>(rows * kWidth * sizeof(float));
  const auto run = [=](const Kernels& k) {
    k.one_hot.floats(as<float>(target), as<float>(source), rows, kColumns, as<float>(categories), ends->data());
  };
  return {"one-hot, 4 columns of 16",
          Bound::kMemory,
          rows,
          rows * kWidth,
          {source->size(), target->size()},
          run,
          0.0,
          target};
}

// Rows of 128 floats in random order.
Case gather_case(bool is_scatter, size_t bytes) {
  constexpr size_t kRowBytes = 512;
  const size_t rows = bytes / 2 / kRowBytes;
  auto source = floats(rows * kRowBytes / sizeof(float));
  auto indices = std::make_shared<std::vector<uint32_t>>(rows);
  std::iota(indices->begin(), indices->end(), 0u);
  std::shuffle(indices->begin(), indices->end(), std::mt19937(29));
  auto target = std::make_shared<Bytes>(source->size());
  const auto run = [=](const Kernels& k) {
    const auto move = is_scatter ? k.rows.scatter : k.rows.gather;
    move(target->data(), source->data(), indices->data(), rows, kRowBytes);
  };
  return {is_scatter ? "scatter, random rows of 512 B" : "gather, random rows of 512 B",
          Bound::kMemory,
          rows,
          rows * kRowBytes / 4,
          {source->size() + rows * 4, source->size()},
          run,
          0.0,
          target};
}

Case pad_case(size_t bytes) {
  constexpr size_t kFrom = 400, kTo = 512;
  const size_t rows = bytes / (kFrom + kTo);
  auto source = floats(rows * kFrom / 4);
  auto target = std::make_shared<Bytes>(rows * kTo);
  auto fill = std::make_shared<float>(0.0f);
  const auto run = [=](const Kernels& k) {
    k.rows.pad(target->data(), kTo, source->data(), kFrom, rows, reinterpret_cast<const std::byte*>(fill.get()), 4);
  };
  return {"pad, rows of 100 to 128",
          Bound::kMemory,
          rows,
          rows * kTo / 4,
          {source->size(), target->size()},
          run,
          0.0,
          target};
}

Case slice_case(size_t bytes) {
  constexpr size_t kFrom = 512, kTo = 400, kOffset = 56;
  const size_t rows = bytes / (kFrom + kTo);
  auto source = floats(rows * kFrom / 4);
  auto target = std::make_shared<Bytes>(rows * kTo);
  const auto run = [=](const Kernels& k) { k.rows.slice(target->data(), kTo, source->data(), kFrom, kOffset, rows); };
  // What is skipped shares cache lines with what is read.
  return {
      "slice, 100 of 128 columns", Bound::kMemory, rows, rows * kTo / 4, {rows * kTo, rows * kTo}, run, 0.0, target};
}

Case softmax_case(size_t columns, const char* name, size_t bytes) {
  const size_t rows = bytes / columns / 8;
  auto source = floats(rows * columns);
  auto target = std::make_shared<Bytes>(source->size());
  const auto run = [=](const Kernels& k) { k.softmax.rows(as<float>(target), as<float>(source), rows, columns); };
  return {name, Bound::kCompute, rows, rows * columns, {source->size(), source->size()}, run, 1.2e-6, target};
}

Case arg_max_case(size_t bytes) {
  constexpr size_t kColumns = 1000;
  const size_t rows = bytes / kColumns / 4;
  auto source = floats(rows * kColumns);
  auto target = std::make_shared<Bytes>(rows * 4);
  const auto run = [=](const Kernels& k) { k.rank.arg_max(as<int32_t>(target), as<float>(source), rows, kColumns); };
  return {"arg-max of 1000", Bound::kMemory, rows, rows * kColumns, {source->size(), rows * 4}, run, 0.0, target};
}

Case top_k_case(size_t bytes) {
  constexpr size_t kColumns = 1000, kBest = 5;
  const size_t rows = bytes / kColumns / 4;
  auto source = floats(rows * kColumns);
  auto target = std::make_shared<Bytes>(rows * kBest * 8);
  const auto run = [=](const Kernels& k) {
    k.rank.top_k(as<float>(target), as<int32_t>(target) + rows * kBest, as<float>(source), rows, kColumns, kBest);
  };
  return {"top-5 of 1000", Bound::kCompute, rows, rows * kColumns, {source->size(), target->size()}, run, 0.0, target};
}

Case layout_case(const char* name, size_t pixels, size_t channels, size_t element, size_t bytes) {
  const size_t image = pixels * channels * element, count = std::max<size_t>(bytes / 2 / image, 1);
  auto source = floats(count * image / 4 + 1);
  auto target = std::make_shared<Bytes>(count * image);
  const auto run = [=](const Kernels& k) {
    kernel::transpose(k.layout, target->data(), source->data(), count, pixels, channels, element);
  };
  return {name, Bound::kMemory, count, target->size() / element, {target->size(), target->size()}, run, 0.0, target};
}

Case resize_case(bool is_linear, size_t channels, const char* name, size_t bytes) {
  constexpr size_t kFrom = 256, kTo = 224;
  const size_t image = (kFrom * kFrom + kTo * kTo) * 3 * sizeof(float);
  const size_t images = std::max<size_t>(bytes / image, 1);
  const kernel::ResizeShape shape{images * 3 / channels, kFrom, kFrom, channels, kTo, kTo};
  auto source = floats(images * 3 * kFrom * kFrom);
  auto target = std::make_shared<Bytes>(images * 3 * kTo * kTo * sizeof(float));
  auto scratch = std::make_shared<Bytes>(shape.scratch_bytes());
  const auto run = [=](const Kernels& k) {
    const auto resize = is_linear ? k.resize.linear : k.resize.nearest;
    resize(as<float>(target), as<float>(source), shape, scratch->data());
  };
  return {name, Bound::kCompute, images, target->size() / 4, {source->size(), target->size()}, run, 0.0, target};
}

using Maker = Case (*)(size_t);
constexpr Maker kMakers[] = {
    [](size_t b) { return cast_case(Dtype::kFloat32, Dtype::kFloat16, "cast float32 to float16", b); },
    [](size_t b) { return cast_case(Dtype::kFloat16, Dtype::kFloat32, "cast float16 to float32", b); },
    [](size_t b) { return cast_case(Dtype::kFloat32, Dtype::kBfloat16, "cast float32 to bfloat16", b); },
    [](size_t b) { return cast_case(Dtype::kBfloat16, Dtype::kFloat32, "cast bfloat16 to float32", b); },
    [](size_t b) { return cast_case(Dtype::kUint8, Dtype::kFloat32, "cast uint8 to float32", b); },
    [](size_t b) { return cast_case(Dtype::kFloat32, Dtype::kUint8, "cast float32 to uint8", b); },
    [](size_t b) { return cast_case(Dtype::kFloat32, Dtype::kFloat64, "cast float32 to float64", b); },
    [](size_t b) { return cast_case(Dtype::kFloat64, Dtype::kFloat32, "cast float64 to float32", b); },
    [](size_t b) { return cast_case(Dtype::kFloat32, Dtype::kInt32, "cast float32 to int32", b); },
    [](size_t b) {
      return column_case("normalise, 29 columns", b, 4,
                         [](const Kernels& k, std::byte* t, const float* s, size_t r, const float* m, const float* d) {
                           k.columns.normalise(as<float>(t), s, r, kFeatures, m, d);
                         });
    },
    [](size_t b) {
      return column_case("scale, 29 columns", b, 4,
                         [](const Kernels& k, std::byte* t, const float* s, size_t r, const float* f, const float* o) {
                           k.columns.scale(as<float>(t), s, r, kFeatures, f, o);
                         });
    },
    [](size_t b) {
      return column_case("impute, 29 columns", b, 4,
                         [](const Kernels& k, std::byte* t, const float* s, size_t r, const float* f, const float*) {
                           k.columns.impute(as<float>(t), s, r, kFeatures, f);
                         });
    },
    [](size_t b) {
      return column_case("clip, 29 columns", b, 4,
                         [](const Kernels& k, std::byte* t, const float* s, size_t r, const float* low,
                            const float* high) { k.columns.clip(as<float>(t), s, r, kFeatures, low, high); });
    },
    [](size_t b) {
      return column_case(
          "quantize int8, 29 columns", b, 1,
          [](const Kernels& k, std::byte* t, const float* s, size_t r, const float*, const float* scale) {
            constexpr int8_t kZero[kFeatures] = {};
            k.quantize.to_int8(as<int8_t>(t), s, r, kFeatures, scale, kZero);
          });
    },
    dequantize_case,
    one_hot_case,
    [](size_t b) { return gather_case(false, b); },
    [](size_t b) { return gather_case(true, b); },
    pad_case,
    slice_case,
    [](size_t b) { return layout_case("NHWC to NCHW, 224x224x3 float32", 224 * 224, 3, 4, b); },
    [](size_t b) { return layout_case("NCHW to NHWC, 3x224x224 float32", 3, 224 * 224, 4, b); },
    [](size_t b) { return layout_case("NHWC to NCHW, 224x224x3 uint8", 224 * 224, 3, 1, b); },
    [](size_t b) { return layout_case("NHWC to NCHW, 56x56x64 float32", 56 * 56, 64, 4, b); },
    arg_max_case,
    top_k_case,
    [](size_t b) { return softmax_case(1000, "softmax of 1000", b); },
    [](size_t b) { return softmax_case(10, "softmax of 10", b); },
    [](size_t b) { return resize_case(true, 1, "resize linear NCHW, 256 to 224", b); },
    [](size_t b) { return resize_case(true, 3, "resize linear NHWC, 256 to 224", b); },
    [](size_t b) { return resize_case(false, 1, "resize nearest NCHW, 256 to 224", b); },
};
}  // namespace

size_t case_count() {
  return std::size(kMakers);
}

Case make_case(size_t index, size_t bytes) {
  return kMakers[index](bytes);
}
}  // namespace penstock::bench

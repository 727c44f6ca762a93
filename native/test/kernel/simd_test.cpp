// Claims about the kernels: at every level that this machine runs, each gives what the reference gives, over awkward
// lengths, addresses and values.
#include "test/kernel_fixture.hpp"

using namespace penstock;
using namespace penstock::kernel;
using namespace penstock::testing;

namespace {
// Rows and columns of every length, target apart and in place.
template <typename Pick>
void columns_agree(Pick pick, bool needs_order) {
  for (const size_t columns : kLengths)
    for (const size_t rows : {size_t{0}, size_t{1}, size_t{2}, size_t{3}, size_t{37}}) {
      const size_t count = rows * columns;
      const size_t offset = 4 * below(16);
      auto source = awkward_floats(count, offset);
      auto first = awkward_floats(columns), second = awkward_floats(columns);
      if (needs_order)
        for (size_t c = 0; c < columns; ++c) {
          const float a = std::isnan(first[c]) ? 0.0f : first[c], b = std::isnan(second[c]) ? 0.0f : second[c];
          first[c] = std::min(a, b);
          second[c] = std::max(a, b);
        }
      Buffer<float> expected(count);
      pick(reference(), expected.data(), source.data(), rows, columns, first.data(), second.data());
      at_each_level([&](const Kernels& kernels) {
        Buffer<float> apart(count, 4 * below(16));
        Buffer<float> in_place = source;
        pick(kernels, apart.data(), source.data(), rows, columns, first.data(), second.data());
        pick(kernels, in_place.data(), in_place.data(), rows, columns, first.data(), second.data());
        return is_same(apart, expected) && is_same(in_place, expected);
      });
    }
}
}  // namespace

TEST("columns: normalise, scale, impute and clip give the reference's bits, in place too") {
  columns_agree([](const Kernels& k, auto... arguments) { k.columns.normalise(arguments...); }, false);
  columns_agree([](const Kernels& k, auto... arguments) { k.columns.scale(arguments...); }, false);
  columns_agree([](const Kernels& k, float* t, const float* s, size_t r, size_t c, const float* a,
                   const float*) { k.columns.impute(t, s, r, c, a); },
                false);
  columns_agree([](const Kernels& k, auto... arguments) { k.columns.clip(arguments...); }, true);
}

TEST("cast: every pair of dtypes gives the reference's bits at any address") {
  constexpr Dtype kDtypes[] = {Dtype::kFloat32, Dtype::kUint8,  Dtype::kInt8,    Dtype::kUint16,  Dtype::kInt16,
                               Dtype::kInt32,   Dtype::kInt64,  Dtype::kBool,    Dtype::kFloat16, Dtype::kFloat64,
                               Dtype::kUint32,  Dtype::kUint64, Dtype::kBfloat16};
  for (const Dtype from : kDtypes)
    for (const Dtype to : kDtypes)
      for (const size_t count : kLengths) {
        if (count > 300 && from != Dtype::kFloat32 && to != Dtype::kFloat32) continue;
        Buffer<std::byte> source(count * dtype_size_bytes(from), below(9));
        for (size_t i = 0; i < count; ++i) {
          if (from == Dtype::kFloat32) {
            const float value = awkward();
            std::memcpy(source.bytes() + i * 4, &value, 4);
          } else if (from == Dtype::kFloat64) {
            const double value = below(2) == 0 ? awkward() : std::bit_cast<double>(random_source()());
            std::memcpy(source.bytes() + i * 8, &value, 8);
          } else {
            const uint64_t bits = random_source()();
            std::memcpy(source.bytes() + i * dtype_size_bytes(from), &bits, dtype_size_bytes(from));
          }
        }
        Buffer<std::byte> expected(count * dtype_size_bytes(to));
        reference().cast.elements(expected.bytes(), to, source.bytes(), from, count);
        at_each_level([&](const Kernels& kernels) {
          Buffer<std::byte> target(expected.count(), below(9));
          kernels.cast.elements(target.bytes(), to, source.bytes(), from, count);
          if (to != Dtype::kFloat32 && to != Dtype::kFloat64) return is_same_bytes(target, expected);
          // NaN between float32 and float64 keeps what the processor keeps: rule 4 of cast.hpp.
          for (size_t i = 0; i < count; ++i) {
            const double a = load_as_double(target.bytes() + i * dtype_size_bytes(to), to);
            const double b = load_as_double(expected.bytes() + i * dtype_size_bytes(to), to);
            if (std::bit_cast<uint64_t>(a) != std::bit_cast<uint64_t>(b) && !(std::isnan(a) && std::isnan(b)))
              return false;
          }
          return true;
        });
      }
}

TEST("cast: all 65,536 halves and bfloat16 widen to the reference's bits, NaN payloads included") {
  Buffer<uint16_t> halves(65536);
  for (size_t i = 0; i < 65536; ++i) halves[i] = static_cast<uint16_t>(i);
  for (const Dtype from : {Dtype::kFloat16, Dtype::kBfloat16}) {
    Buffer<std::byte> expected(65536 * 4);
    reference().cast.elements(expected.bytes(), Dtype::kFloat32, halves.bytes(), from, 65536);
    at_each_level([&](const Kernels& kernels) {
      Buffer<std::byte> wide(65536 * 4), back(65536 * 2), again(65536 * 2);
      kernels.cast.elements(wide.bytes(), Dtype::kFloat32, halves.bytes(), from, 65536);
      kernels.cast.elements(back.bytes(), from, wide.bytes(), Dtype::kFloat32, 65536);
      reference().cast.elements(again.bytes(), from, expected.bytes(), Dtype::kFloat32, 65536);
      return is_same_bytes(wide, expected) && is_same_bytes(back, again);
    });
  }
}

TEST("cast: float64 is rounded once on its way to 16 bits") {
  const auto narrow = [](double value, Dtype to) {
    uint16_t bits = 0;
    cast_elements(reinterpret_cast<std::byte*>(&bits), to, reinterpret_cast<const std::byte*>(&value), Dtype::kFloat64,
                  1);
    return bits;
  };
  // Just above the middle of two halves; as a float32 it would be the middle, and go to the even one below.
  CLAIM(narrow(1.0 + 0x1.0p-11 + 0x1.0p-40, Dtype::kFloat16) == 0x3c01);
  CLAIM(narrow(-(1.0 + 0x1.0p-11 + 0x1.0p-40), Dtype::kFloat16) == 0xbc01);
  CLAIM(narrow(1.0 + 0x1.0p-11, Dtype::kFloat16) == 0x3c00);
  CLAIM(narrow(1.0 + 0x1.0p-8 + 0x1.0p-45, Dtype::kBfloat16) == 0x3f81);
  CLAIM(narrow(1e300, Dtype::kFloat16) == 0x7c00 && narrow(65519.9999999, Dtype::kFloat16) == 0x7bff);
  CLAIM(narrow(0x1.0p-25 + 0x1.0p-70, Dtype::kFloat16) == 1 && narrow(0x1.0p-25, Dtype::kFloat16) == 0);
  const int64_t big = (int64_t{1} << 53) + (int64_t{1} << 29) + 1;  // float64 would drop the 1, and with it the way up
  float wide = 0;
  cast_elements(reinterpret_cast<std::byte*>(&wide), Dtype::kFloat32, reinterpret_cast<const std::byte*>(&big),
                Dtype::kInt64, 1);
  CLAIM(wide == 0x1.000002p53f);
}

TEST("quantize: rounds half to even, saturates and takes NaN to the zero point at every level") {
  const float ties[] = {0.5f, 1.5f, 2.5f, -0.5f, -1.5f, 300.0f, -300.0f, kInfinity, -kInfinity, std::nanf("")};
  const int8_t expected_ties[] = {3, 5, 5, 3, 1, 127, -128, 127, -128, 3};
  const float one = 1.0f;
  const int8_t three = 3;
  at_each_level([&](const Kernels& kernels) {
    int8_t target[10];
    kernels.quantize.to_int8(target, ties, 10, 1, &one, &three);
    return std::memcmp(target, expected_ties, 10) == 0;
  });
  for (const size_t columns : kLengths)
    for (const size_t rows : {size_t{0}, size_t{1}, size_t{3}, size_t{20}}) {
      const size_t count = rows * columns;
      auto source = awkward_floats(count, 4 * below(16));
      Buffer<float> scale(columns);
      Buffer<std::byte> zero(columns), narrow(count, below(5));
      for (size_t c = 0; c < columns; ++c) scale[c] = std::fabs(tame()) + 1e-3f;
      for (size_t c = 0; c < columns; ++c) zero[c] = static_cast<std::byte>(below(256));
      for (size_t i = 0; i < count; ++i) narrow[i] = static_cast<std::byte>(below(256));
      const auto* const signed_zero = reinterpret_cast<const int8_t*>(zero.data());
      const auto* const unsigned_zero = reinterpret_cast<const uint8_t*>(zero.data());
      const auto run = [&](const Kernels& kernels, Buffer<std::byte>& to_signed, Buffer<std::byte>& to_unsigned,
                           Buffer<float>& from_signed, Buffer<float>& from_unsigned) {
        const QuantizeKernels& q = kernels.quantize;
        q.to_int8(reinterpret_cast<int8_t*>(to_signed.data()), source.data(), rows, columns, scale.data(), signed_zero);
        q.to_uint8(reinterpret_cast<uint8_t*>(to_unsigned.data()), source.data(), rows, columns, scale.data(),
                   unsigned_zero);
        q.from_int8(from_signed.data(), reinterpret_cast<const int8_t*>(narrow.data()), rows, columns, scale.data(),
                    signed_zero);
        q.from_uint8(from_unsigned.data(), reinterpret_cast<const uint8_t*>(narrow.data()), rows, columns, scale.data(),
                     unsigned_zero);
      };
      Buffer<std::byte> expected_signed(count), expected_unsigned(count);
      Buffer<float> expected_from_signed(count), expected_from_unsigned(count);
      run(reference(), expected_signed, expected_unsigned, expected_from_signed, expected_from_unsigned);
      at_each_level([&](const Kernels& kernels) {
        Buffer<std::byte> to_signed(count, below(5)), to_unsigned(count, below(5));
        Buffer<float> from_signed(count, 4), from_unsigned(count, 8);
        run(kernels, to_signed, to_unsigned, from_signed, from_unsigned);
        return is_same_bytes(to_signed, expected_signed) && is_same_bytes(to_unsigned, expected_unsigned) &&
               is_same(from_signed, expected_from_signed) && is_same(from_unsigned, expected_from_unsigned);
      });
    }
}

TEST("one-hot: unknown values leave zeros, NaN and -0 find their category, whatever the widths") {
  for (int trial = 0; trial < 300; ++trial) {
    const size_t columns = below(5), rows = below(40);
    Buffer<uint32_t> ends(columns);
    uint32_t width = 0;
    for (size_t c = 0; c < columns; ++c) ends[c] = width += static_cast<uint32_t>(below(trial % 50 == 0 ? 3000 : 20));
    auto categories = awkward_floats(width);
    Buffer<int32_t> integers(width);
    for (size_t k = 0; k < width; ++k) integers[k] = static_cast<int32_t>(below(30)) - 15;
    Buffer<float> source(rows * columns, 4 * below(4));
    Buffer<int32_t> integer_source(rows * columns, 4 * below(4));
    for (size_t i = 0; i < rows * columns; ++i) {
      source[i] = width > 0 && below(2) == 0 ? categories[below(width)] : awkward();
      integer_source[i] = static_cast<int32_t>(below(40)) - 20;
    }
    Buffer<float> expected(rows * width), expected_integers(rows * width);
    reference().one_hot.floats(expected.data(), source.data(), rows, columns, categories.data(), ends.data());
    reference().one_hot.int32s(expected_integers.data(), integer_source.data(), rows, columns, integers.data(),
                               ends.data());
    at_each_level([&](const Kernels& kernels) {
      Buffer<float> target(rows * width, 4), target_integers(rows * width, 4);
      kernels.one_hot.floats(target.data(), source.data(), rows, columns, categories.data(), ends.data());
      kernels.one_hot.int32s(target_integers.data(), integer_source.data(), rows, columns, integers.data(),
                             ends.data());
      return is_same(target, expected) && is_same(target_integers, expected_integers);
    });
  }
}

TEST("rows: gather, scatter, pad, slice and place move the reference's bytes at any address and size") {
  for (size_t bytes = 0; bytes <= 140; ++bytes) {
    const size_t count = below(30), source_rows = 1 + below(20), element = size_t{1} << below(4);
    Buffer<std::byte> source(source_rows * bytes, below(9));
    for (size_t i = 0; i < source.count(); ++i) source[i] = static_cast<std::byte>(below(256));
    Buffer<uint32_t> indices(count), places(source_rows);
    for (size_t i = 0; i < count; ++i) indices[i] = static_cast<uint32_t>(below(source_rows));
    for (size_t i = 0; i < source_rows; ++i) places[i] = static_cast<uint32_t>(below(25));
    const size_t padded = bytes + element * below(20), offset = below(bytes + 1), kept = below(bytes - offset + 1);
    const uint64_t fill_bits = random_source()();
    const auto* const fill = reinterpret_cast<const std::byte*>(&fill_bits);
    const auto run = [&](const Kernels& kernels, size_t misaligned) {
      std::vector<Buffer<std::byte>> results;
      results.emplace_back(count * bytes, misaligned);
      kernels.rows.gather(results[0].bytes(), source.bytes(), indices.data(), count, bytes);
      results.emplace_back(25 * bytes, misaligned);
      kernels.rows.scatter(results[1].bytes(), source.bytes(), places.data(), source_rows, bytes);
      results.emplace_back(source_rows * padded, misaligned);
      kernels.rows.pad(results[2].bytes(), padded, source.bytes(), bytes, source_rows, fill, element);
      results.emplace_back(source_rows * kept, misaligned);
      kernels.rows.slice(results[3].bytes(), kept, source.bytes(), bytes, offset, source_rows);
      results.emplace_back(source_rows * (padded + 3), misaligned);
      kernels.rows.place(results[4].bytes(), padded + 3, padded - bytes, source.bytes(), bytes, source_rows);
      return results;
    };
    auto expected = run(reference(), 0);
    at_each_level([&](const Kernels& kernels) {
      auto results = run(kernels, below(9));
      for (size_t i = 0; i < results.size(); ++i)
        if (!is_same_bytes(results[i], expected[i])) return false;
      return true;
    });
  }
}

TEST("softmax: within its tolerance of float64, in place too, and the same bits at every level") {
  for (const size_t columns : kLengths)
    for (int trial = 0; trial < 6; ++trial) {
      const size_t rows = 1 + below(5), count = rows * columns;
      Buffer<float> source(count, 4 * below(16));
      for (size_t i = 0; i < count; ++i) source[i] = trial < 3 ? tame() : trial < 5 ? tame() * 30.0f : awkward();
      if (trial == 3 && columns > 0)
        for (size_t c = 0; c < columns; ++c) source[c] = -kInfinity;
      if (trial == 4 && columns > 0) source[below(columns)] = -kInfinity;
      Buffer<float> expected(count), baseline(count);
      reference().softmax.rows(expected.data(), source.data(), rows, columns);
      kernels_at(SimdLevel::kBaseline).softmax.rows(baseline.data(), source.data(), rows, columns);
      const double tolerance = 4e-7 + (columns > 16 ? 1e-7 * std::log2(static_cast<double>(columns) / 16.0) : 0.0);
      at_each_level([&](const Kernels& kernels) {
        Buffer<float> target = source;
        kernels.softmax.rows(target.data(), target.data(), rows, columns);
        for (size_t i = 0; i < count; ++i) {
          if (std::isnan(expected[i]) != std::isnan(target[i])) return false;
          const double difference = std::fabs(static_cast<double>(expected[i]) - static_cast<double>(target[i]));
          if (difference > static_cast<double>(expected[i]) * tolerance + 1.2e-38) {
            std::printf("  %zu columns: %g, the reference %g\n", columns, static_cast<double>(target[i]),
                        static_cast<double>(expected[i]));
            return false;
          }
        }
        return is_same(target, baseline);
      });
    }
}

TEST("rank: arg-max and top-k find the reference's columns among ties, NaN and infinities") {
  for (const size_t columns : kLengths) {
    if (columns == 0) continue;
    for (int trial = 0; trial < 12; ++trial) {
      const size_t rows = 1 + below(4), k = 1 + below(std::min<size_t>(columns, 20));
      Buffer<float> source(rows * columns, 4 * below(16));
      for (size_t i = 0; i < rows * columns; ++i)
        source[i] = trial < 4 ? tame() : trial < 8 ? static_cast<float>(below(3)) - 1.0f : awkward();
      if (trial == 11)
        for (size_t c = 0; c < columns; ++c) source[c] = std::nanf("");
      if (trial == 10)
        for (size_t c = 0; c < columns; ++c) source[c] = below(2) == 0 ? -kInfinity : std::nanf("");
      Buffer<int32_t> first(rows), where(rows * k);
      Buffer<float> best(rows * k);
      reference().rank.arg_max(first.data(), source.data(), rows, columns);
      reference().rank.top_k(best.data(), where.data(), source.data(), rows, columns, k);
      at_each_level([&](const Kernels& kernels) {
        Buffer<int32_t> first_here(rows), where_here(rows * k);
        Buffer<float> best_here(rows * k);
        kernels.rank.arg_max(first_here.data(), source.data(), rows, columns);
        kernels.rank.top_k(best_here.data(), where_here.data(), source.data(), rows, columns, k);
        return is_same(first_here, first) && is_same(where_here, where) && is_same(best_here, best);
      });
    }
  }
}

TEST("layout: every element size and number of channels is transposed, and back again") {
  for (const size_t element : {1, 2, 4, 8})
    for (const size_t channels : {1, 2, 3, 4, 5, 8, 9, 16, 31, 33, 64})
      for (const size_t pixels : {0, 1, 2, 3, 4, 7, 15, 16, 17, 33, 100}) {
        const size_t images = below(3), bytes = images * pixels * channels * element;
        Buffer<std::byte> source(bytes, element);
        for (size_t i = 0; i < bytes; ++i) source[i] = static_cast<std::byte>(below(256));
        Buffer<std::byte> expected(bytes);
        kernel::transpose(reference().layout, expected.bytes(), source.bytes(), images, pixels, channels, element);
        at_each_level([&](const Kernels& kernels) {
          Buffer<std::byte> target(bytes, element), back(bytes);
          kernel::transpose(kernels.layout, target.bytes(), source.bytes(), images, pixels, channels, element);
          kernel::transpose(kernels.layout, back.bytes(), target.bytes(), images, channels, pixels, element);
          return is_same_bytes(target, expected) && is_same_bytes(back, source);
        });
      }
}

TEST("resize: linear and nearest give the reference's bits, up and down, any number of channels") {
  for (int trial = 0; trial < 200; ++trial) {
    ResizeShape shape{below(3), 1 + below(20), 1 + below(20), 1 + below(4), 1 + below(40), 1 + below(40)};
    if (trial % 10 == 0) shape.target_height = shape.height, shape.target_width = shape.width;
    const size_t plane = shape.count * shape.channels;
    auto source = trial % 2 == 0 ? awkward_floats(plane * shape.height * shape.width, 4) : Buffer<float>(0);
    if (trial % 2 != 0) {
      source = Buffer<float>(plane * shape.height * shape.width, 8);
      for (size_t i = 0; i < source.count(); ++i) source[i] = tame();
    }
    const size_t count = plane * shape.target_height * shape.target_width;
    Buffer<float> linear(count), nearest(count);
    reference().resize.linear(linear.data(), source.data(), shape, nullptr);
    reference().resize.nearest(nearest.data(), source.data(), shape, nullptr);
    at_each_level([&](const Kernels& kernels) {
      Buffer<std::byte> scratch(shape.scratch_bytes());
      Buffer<float> linear_here(count, 4), nearest_here(count, 12);
      kernels.resize.linear(linear_here.data(), source.data(), shape, scratch.bytes());
      kernels.resize.nearest(nearest_here.data(), source.data(), shape, scratch.bytes());
      return is_same(linear_here, linear) && is_same(nearest_here, nearest);
    });
  }
}

TEST("dispatch: the level in use is the machine's unless PENSTOCK_SIMD lowers it, and a wrong kernel is noticed") {
  const char* const wish = std::getenv("PENSTOCK_SIMD");
  CLAIM(active_level() <= machine_level());
  CLAIM(wish != nullptr || active_level() == machine_level());
  // The canary: without it, claims over an empty list of levels would all hold.
  CLAIM(failing_levels([](const Kernels&) { return false; }).size() == static_cast<size_t>(machine_level()));
  CLAIM(machine_level() >= SimdLevel::kBaseline);
}

int main() {
  return penstock::testing::run_all();
}

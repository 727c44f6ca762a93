// The frequent pairs of cast.hpp in vectors; the others go to the reference. Loads and stores take any address: bytes
// of a frame lie where the sender put them. 16-bit floats use F16C where there is, else the branch-free integer form
// below (Giesen, "half to float done quic", 2012), which needs subnormal arithmetic on, as it is by default.
#include "kernel/cast.hpp"
#include "kernel/simd.hpp"

namespace penstock::kernel::PENSTOCK_SIMD_NAMESPACE {
namespace {
template <typename Target, typename Source>
void widen(std::byte* target, const std::byte* source, size_t count) noexcept {
  auto* const to = reinterpret_cast<typename Loose<Target>::Type*>(target);
  const auto* const from = reinterpret_cast<const typename Loose<Source>::Type*>(source);
  PENSTOCK_INDEPENDENT
  for (size_t i = 0; i < count; ++i) to[i] = static_cast<Target>(from[i]);
}

template <typename Target>
void narrow_to_bytes(std::byte* target, const std::byte* source, size_t count) noexcept {
  constexpr float kMin = static_cast<Target>(-1) < Target{0} ? -128.0f : 0.0f;
  constexpr float kMax = kMin + 255.0f;
  auto* const to = reinterpret_cast<Target*>(target);
  const auto* const from = reinterpret_cast<const Loose<float>::Type*>(source);
  PENSTOCK_INDEPENDENT
  for (size_t i = 0; i < count; ++i) {
    float value = from[i];
    value = value != value ? 0.0f : value;
    value = value < kMin ? kMin : value;
    value = value > kMax ? kMax : value;
    to[i] = static_cast<Target>(static_cast<int32_t>(value));
  }
}

void float_to_int32(std::byte* target, const std::byte* source, size_t count) noexcept {
  auto* const to = reinterpret_cast<Loose<int32_t>::Type*>(target);
  const auto* const from = reinterpret_cast<const Loose<float>::Type*>(source);
  PENSTOCK_INDEPENDENT
  for (size_t i = 0; i < count; ++i) {
    const float value = from[i];
    // 2^31 itself does not fit; the float below it does.
    const bool is_inside = value >= -0x1p31f && value < 0x1p31f;
    const int32_t edge = value > 0.0f ? INT32_MAX : value < 0.0f ? INT32_MIN : 0;
    const auto inside = static_cast<int32_t>(is_inside ? value : 0.0f);
    to[i] = is_inside ? inside : edge;
  }
}

void bool_to_float(std::byte* target, const std::byte* source, size_t count) noexcept {
  auto* const to = reinterpret_cast<Loose<float>::Type*>(target);
  const auto* const from = reinterpret_cast<const uint8_t*>(source);
  PENSTOCK_INDEPENDENT
  for (size_t i = 0; i < count; ++i) to[i] = from[i] != 0 ? 1.0f : 0.0f;
}

uint32_t half_bits_to_float_bits(uint32_t half) noexcept {
  const uint32_t sign = (half & 0x8000u) << 16;
  const uint32_t magnitude = (half & 0x7fffu) << 13;
  const uint32_t normal = magnitude + 0x38000000u;
  // 2^-14 is the least normal half: 0x38800000 | mantissa minus 0x38800000 is the subnormal's value, exactly.
  const float subnormal = __builtin_bit_cast(float, magnitude + 0x38800000u) - __builtin_bit_cast(float, 0x38800000u);
  const uint32_t special = magnitude + 0x70000000u;
  const uint32_t quiet = magnitude > 0x0f800000u ? 0x400000u : 0u;
  const uint32_t finite = magnitude < 0x00800000u ? __builtin_bit_cast(uint32_t, subnormal) : normal;
  return sign | (magnitude >= 0x0f800000u ? special | quiet : finite);
}

uint32_t float_bits_to_half_bits(uint32_t bits) noexcept {
  const uint32_t sign = (bits >> 16) & 0x8000u;
  const uint32_t magnitude = bits & 0x7fffffffu;
  const uint32_t clamped = magnitude < 0x47800000u ? magnitude : 0x47800000u;  // 65536: rounds to infinity
  const uint32_t normal = (clamped - 0x38000000u + 0xfffu + ((clamped >> 13) & 1u)) >> 13;
  // Adding 0.5 makes the processor shift and round the subnormal into the low bits of the sum.
  const float small = __builtin_bit_cast(float, magnitude < 0x38800000u ? magnitude : 0u) + 0.5f;
  const uint32_t subnormal = __builtin_bit_cast(uint32_t, small) - 0x3f000000u;
  const uint32_t finite = magnitude < 0x38800000u ? subnormal : normal;
  const uint32_t nan = 0x7e00u | ((magnitude >> 13) & 0x1ffu);
  return sign | (magnitude > 0x7f800000u ? nan : finite);
}

void half_to_floats(std::byte* target, const std::byte* source, size_t count) noexcept {
  auto* const to = reinterpret_cast<Loose<uint32_t>::Type*>(target);
  const auto* const from = reinterpret_cast<const Loose<uint16_t>::Type*>(source);
  size_t i = 0;
#if defined(__F16C__)
  for (; i + 8 <= count; i += 8)
    _mm256_storeu_ps(reinterpret_cast<float*>(to + i),
                     _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i))));
#endif
  PENSTOCK_INDEPENDENT
  for (size_t j = i; j < count; ++j) to[j] = half_bits_to_float_bits(from[j]);
}

void floats_to_half(std::byte* target, const std::byte* source, size_t count) noexcept {
  auto* const to = reinterpret_cast<Loose<uint16_t>::Type*>(target);
  const auto* const from = reinterpret_cast<const Loose<uint32_t>::Type*>(source);
  size_t i = 0;
#if defined(__F16C__)
  for (; i + 8 <= count; i += 8)
    _mm_storeu_si128(
        reinterpret_cast<__m128i*>(to + i),
        _mm256_cvtps_ph(_mm256_loadu_ps(reinterpret_cast<const float*>(from + i)), _MM_FROUND_TO_NEAREST_INT));
#endif
  PENSTOCK_INDEPENDENT
  for (size_t j = i; j < count; ++j) to[j] = static_cast<uint16_t>(float_bits_to_half_bits(from[j]));
}

void brain_to_floats(std::byte* target, const std::byte* source, size_t count) noexcept {
  auto* const to = reinterpret_cast<Loose<uint32_t>::Type*>(target);
  const auto* const from = reinterpret_cast<const Loose<uint16_t>::Type*>(source);
  PENSTOCK_INDEPENDENT
  for (size_t i = 0; i < count; ++i) to[i] = static_cast<uint32_t>(from[i]) << 16;
}

void floats_to_brain(std::byte* target, const std::byte* source, size_t count) noexcept {
  auto* const to = reinterpret_cast<Loose<uint16_t>::Type*>(target);
  const auto* const from = reinterpret_cast<const Loose<uint32_t>::Type*>(source);
  PENSTOCK_INDEPENDENT
  for (size_t i = 0; i < count; ++i) {
    const uint32_t bits = from[i];
    const uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
    to[i] = static_cast<uint16_t>((bits & 0x7fffffffu) > 0x7f800000u ? (bits >> 16) | 0x40u : rounded);
  }
}

using Cast = void (*)(std::byte*, const std::byte*, size_t) noexcept;

Cast from_float32(Dtype target) noexcept {
  switch (target) {
    case Dtype::kFloat64:
      return widen<double, float>;
    case Dtype::kFloat16:
      return floats_to_half;
    case Dtype::kBfloat16:
      return floats_to_brain;
    case Dtype::kUint8:
      return narrow_to_bytes<uint8_t>;
    case Dtype::kInt8:
      return narrow_to_bytes<int8_t>;
    case Dtype::kInt32:
      return float_to_int32;
    default:
      return nullptr;
  }
}

Cast to_float32(Dtype source) noexcept {
  switch (source) {
    case Dtype::kFloat64:
      return widen<float, double>;
    case Dtype::kFloat16:
      return half_to_floats;
    case Dtype::kBfloat16:
      return brain_to_floats;
    case Dtype::kUint8:
      return widen<float, uint8_t>;
    case Dtype::kInt8:
      return widen<float, int8_t>;
    case Dtype::kUint16:
      return widen<float, uint16_t>;
    case Dtype::kInt16:
      return widen<float, int16_t>;
    case Dtype::kInt32:
      return widen<float, int32_t>;
    case Dtype::kBool:
      return bool_to_float;
    default:
      return nullptr;
  }
}

Cast between(Dtype target, Dtype source) noexcept {
  if (source == Dtype::kFloat32) return from_float32(target);
  if (target == Dtype::kFloat32) return to_float32(source);
  if (source != Dtype::kInt32) return nullptr;
  if (target == Dtype::kFloat64) return widen<double, int32_t>;
  return target == Dtype::kInt64 ? widen<int64_t, int32_t> : nullptr;
}

void elements(std::byte* target, Dtype target_dtype, const std::byte* source, Dtype source_dtype,
              size_t count) noexcept {
  const Cast cast = between(target_dtype, source_dtype);
  if (cast != nullptr)
    cast(target, source, count);
  else
    scalar::cast_kernels.elements(target, target_dtype, source, source_dtype, count);
}
}  // namespace

extern const CastKernels cast_kernels = {elements};
}  // namespace penstock::kernel::PENSTOCK_SIMD_NAMESPACE

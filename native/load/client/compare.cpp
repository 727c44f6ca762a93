#include "load/client/compare.hpp"

#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include "load/client/json_scan.hpp"

namespace penstock::load {
namespace {

// What one checker remembers of texts together; what does not fit is parsed each time.
constexpr size_t kVerifiedBytesMax = size_t{256} << 20;

template <typename Value>
Value load(const uint8_t* at) noexcept {
  Value value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

// Written so that a NaN that nobody expects is a mismatch.
bool is_close(double received, double expected, double absolute, double relative) noexcept {
  if (std::isnan(expected)) return std::isnan(received);
  return received == expected || std::fabs(received - expected) <= absolute + relative * std::fabs(expected);
}

template <typename Float>
bool are_close(ByteSpan received, ByteSpan expected, double absolute, double relative) noexcept {
  for (size_t at = 0; at < expected.size(); at += sizeof(Float)) {
    if (!is_close(load<Float>(received.data() + at), load<Float>(expected.data() + at), absolute, relative))
      return false;
  }
  return true;
}

bool is_float(Dtype dtype) noexcept {
  return dtype == Dtype::kFloat32 || dtype == Dtype::kFloat64;
}

double half_value(uint16_t bits) noexcept {
  const int exponent = (bits >> 10) & 0x1f;
  const int fraction = bits & 0x3ff;
  double value = exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(fraction + 1024, exponent - 25);
  if (exponent == 0x1f) value = fraction == 0 ? std::numeric_limits<double>::infinity() : std::nan("");
  return (bits & 0x8000) != 0 ? -value : value;
}

float bfloat_value(uint16_t bits) noexcept {
  const uint32_t wide = uint32_t{bits} << 16;
  float value;
  std::memcpy(&value, &wide, sizeof value);
  return value;
}

// An expected element as a double; 64-bit integers are compared before this loses digits.
double element(Dtype dtype, const uint8_t* at) noexcept {
  switch (dtype) {
    case Dtype::kFloat32:
      return load<float>(at);
    case Dtype::kFloat64:
      return load<double>(at);
    case Dtype::kFloat16:
      return half_value(load<uint16_t>(at));
    case Dtype::kBfloat16:
      return bfloat_value(load<uint16_t>(at));
    case Dtype::kInt8:
      return load<int8_t>(at);
    case Dtype::kInt16:
      return load<int16_t>(at);
    case Dtype::kInt32:
      return load<int32_t>(at);
    case Dtype::kUint16:
      return load<uint16_t>(at);
    case Dtype::kUint32:
      return load<uint32_t>(at);
    case Dtype::kInt64:
      return static_cast<double>(load<int64_t>(at));
    case Dtype::kUint64:
      return static_cast<double>(load<uint64_t>(at));
    default:
      return load<uint8_t>(at);
  }
}

template <typename Integer>
bool is_integer(std::string_view token, const uint8_t* expected) noexcept {
  Integer value{};
  const auto parsed = std::from_chars(token.data(), token.data() + token.size(), value);
  return parsed.ec == std::errc{} && parsed.ptr == token.data() + token.size() && value == load<Integer>(expected);
}

bool is_right_token(std::string_view token, Dtype dtype, const uint8_t* expected, double absolute, double relative) {
  if (dtype == Dtype::kInt64) return is_integer<int64_t>(token, expected);
  if (dtype == Dtype::kUint64) return is_integer<uint64_t>(token, expected);
  const double wanted = element(dtype, expected);
  if (token == "null") return !std::isfinite(wanted);
  if (token == "true" || token == "false") return wanted == (token == "true" ? 1 : 0);
  double value = 0;
  const auto parsed = std::from_chars(token.data(), token.data() + token.size(), value);
  if (parsed.ec != std::errc{} || parsed.ptr != token.data() + token.size()) return false;
  // A server's text is as long as its floats need: reading it as a double must not count against it.
  return is_float(dtype) || dtype == Dtype::kFloat16 || dtype == Dtype::kBfloat16
             ? is_close(value, wanted, absolute, relative)
             : value == wanted;
}

}  // namespace

AnswerChecker::AnswerChecker(const RequestSet& set) : set_(set), verified_(set.requests().size()) {
  for (Verified& verified : verified_) verified.texts.resize(set.outputs().size());
}

bool AnswerChecker::is_right_tensor(size_t request, size_t output, ByteSpan data) const noexcept {
  const ByteSpan expected = set_.requests()[request].expected[output];
  if (data.size() != expected.size()) return false;
  if (data.empty() || std::memcmp(data.data(), expected.data(), data.size()) == 0) return true;
  const double absolute = set_.tolerance_absolute();
  const double relative = set_.tolerance_relative();
  const Dtype dtype = set_.outputs()[output].dtype;
  if (dtype == Dtype::kFloat32) return are_close<float>(data, expected, absolute, relative);
  if (dtype == Dtype::kFloat64) return are_close<double>(data, expected, absolute, relative);
  if (dtype != Dtype::kFloat16 && dtype != Dtype::kBfloat16) return false;
  for (size_t at = 0; at < data.size(); at += 2) {
    if (!is_close(element(dtype, data.data() + at), element(dtype, expected.data() + at), absolute, relative))
      return false;
  }
  return true;
}

bool AnswerChecker::is_right_binary(size_t request, ByteSpan data) const noexcept {
  const auto& expected = set_.requests()[request].expected;
  if (expected.empty()) return true;
  size_t at = 0;
  for (size_t output = 0; output < expected.size(); ++output) {
    if (expected[output].size() > data.size() - at) return false;
    if (!is_right_tensor(request, output, data.subspan(at, expected[output].size()))) return false;
    at += expected[output].size();
  }
  return at == data.size();
}

bool AnswerChecker::is_right_json(size_t request, std::string_view body) {
  for (size_t output = 0; output < set_.requests()[request].expected.size(); ++output) {
    const std::string& name = set_.outputs()[output].name;
    // Some servers answer with the array itself.
    const size_t value = name.empty() ? 0 : json::find_key(body, name);
    if (value == std::string_view::npos || !is_right_text(request, output, body.substr(value))) return false;
  }
  return true;
}

bool AnswerChecker::is_right_oip(size_t request, std::string_view body, size_t head_bytes) {
  if (set_.requests()[request].expected.empty()) return true;
  const std::string_view head = head_bytes == 0 ? body : body.substr(0, head_bytes);
  size_t tensor_at = head.size();
  size_t matched = 0;
  json::ObjectsOfArray objects(head, "outputs");
  std::string_view object;
  while (objects.next(object)) {
    size_t binary_bytes = 0;
    const bool is_binary = json::find_integer(object, "binary_data_size", binary_bytes);
    if (is_binary && binary_bytes > body.size() - tensor_at) return false;
    for (size_t output = 0; output < set_.outputs().size(); ++output) {
      if (json::text_of(object, "name") != set_.outputs()[output].name) continue;
      const size_t data = is_binary ? 0 : json::find_key(object, "data");
      if (data == std::string_view::npos) return false;
      const ByteSpan bytes(reinterpret_cast<const uint8_t*>(body.data()) + tensor_at, binary_bytes);
      if (is_binary ? !is_right_tensor(request, output, bytes) : !is_right_text(request, output, object.substr(data))) {
        return false;
      }
      matched += 1;
    }
    tensor_at += binary_bytes;
  }
  return matched == set_.outputs().size();
}

bool AnswerChecker::is_right_text(size_t request, size_t output, std::string_view text) {
  std::string& verified = verified_[request].texts[output];
  // The remembered text ends with the bracket that closed it, so a longer number cannot hide behind it.
  if (!verified.empty() && text.starts_with(verified)) return true;
  size_t used_bytes = 0;
  if (!parse_numbers(request, output, text, used_bytes)) return false;
  const size_t others_bytes = verified_bytes_ - verified.size();
  if (text[used_bytes - 1] == ']' && used_bytes <= kVerifiedBytesMax - others_bytes) {
    verified.assign(text.substr(0, used_bytes));
    verified_bytes_ = others_bytes + used_bytes;
  }
  return true;
}

bool AnswerChecker::parse_numbers(size_t request, size_t output, std::string_view text,
                                  size_t& used_bytes) const noexcept {
  const ByteSpan expected = set_.requests()[request].expected[output];
  const Dtype dtype = set_.outputs()[output].dtype;
  const size_t width = dtype_size_bytes(dtype);
  json::Numbers numbers(text);
  std::string_view token;
  size_t at = 0;
  while (numbers.next(token)) {
    if (at == expected.size()) return false;
    if (!is_right_token(token, dtype, expected.data() + at, set_.tolerance_absolute(), set_.tolerance_relative())) {
      return false;
    }
    at += width;
  }
  used_bytes = numbers.position();
  return numbers.is_whole() && at == expected.size();
}

}  // namespace penstock::load

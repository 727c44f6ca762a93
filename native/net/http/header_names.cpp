#include "net/http/header_names.hpp"

namespace penstock::net {

constexpr std::array<std::string_view, kHeaderNameCount> kHeaderNames = {
    "",
    "connection",
    "content-length",
    "expect",
    "transfer-encoding",
    "upgrade",
    "sec-websocket-extensions",
    "sec-websocket-key",
    "sec-websocket-version",
    "accept",
    "accept-encoding",
    "authorization",
    "content-encoding",
    "content-type",
    "host",
    "if-none-match",
    "inference-header-content-length",
    "origin",
    "penstock-deadline-ms",
    "penstock-priority",
    "penstock-timing",
    "x-request-id",
    "x-amzn-sagemaker-custom-attributes",
    "sec-fetch-site",
    "sec-websocket-protocol",
    "traceparent",
    "tracestate",
};

namespace {

// A perfect hash of length, first, middle and last character, whose multipliers the compiler finds.
constexpr size_t kSlots = 128;

struct Multipliers {
  uint32_t first = 0;
  uint32_t middle = 0;
};

constexpr uint32_t lower(char character) noexcept {
  return static_cast<unsigned char>(character) | 0x20u;
}

constexpr size_t slot_of(std::string_view name, Multipliers by) noexcept {
  const auto size = static_cast<uint32_t>(name.size());
  return (size + lower(name.front()) * by.first + lower(name[size / 2]) * by.middle + lower(name.back())) % kSlots;
}

constexpr bool is_perfect(Multipliers by) noexcept {
  std::array<bool, kSlots> taken = {};
  for (size_t index = 1; index < kHeaderNameCount; ++index) {
    bool& slot = taken[slot_of(kHeaderNames[index], by)];
    if (slot) return false;
    slot = true;
  }
  return true;
}

consteval Multipliers perfect_multipliers() {
  for (uint32_t first = 1; first < 64; ++first)
    for (uint32_t middle = 1; middle < 64; ++middle)
      if (is_perfect({first, middle})) return {first, middle};
  return {};
}
constexpr Multipliers kMultipliers = perfect_multipliers();
static_assert(kMultipliers.first != 0, "no multipliers make the names perfect: take more slots");

consteval std::array<HeaderName, kSlots> name_slots() {
  std::array<HeaderName, kSlots> slots = {};
  for (size_t index = 1; index < kHeaderNameCount; ++index)
    slots[slot_of(kHeaderNames[index], kMultipliers)] = static_cast<HeaderName>(index);
  return slots;
}
constexpr std::array<HeaderName, kSlots> kNameSlots = name_slots();

}  // namespace

bool is_same_without_case(std::string_view left, std::string_view right) noexcept {
  if (left.size() != right.size()) return false;
  const auto folded = [](char character) {
    return character >= 'A' && character <= 'Z' ? static_cast<char>(character | 0x20) : character;
  };
  for (size_t index = 0; index < left.size(); ++index)
    if (folded(left[index]) != folded(right[index])) return false;
  return true;
}

HeaderName header_name(std::string_view name) noexcept {
  if (name.empty()) return HeaderName::kOther;
  const HeaderName candidate = kNameSlots[slot_of(name, kMultipliers)];
  return is_same_without_case(kHeaderNames[static_cast<size_t>(candidate)], name) ? candidate : HeaderName::kOther;
}

}  // namespace penstock::net

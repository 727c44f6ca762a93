#include "flatbuffers/trace_context.hpp"

#include <algorithm>

#include "core/boundary_codes.hpp"

namespace penstock {
namespace {
constexpr size_t kVersionBytes = 2, kTraceIdBytes = 32, kParentIdBytes = 16, kFlagsBytes = 2;
constexpr size_t kTraceId = kVersionBytes + 1, kParentId = kTraceId + kTraceIdBytes + 1;
constexpr size_t kFlags = kParentId + kParentIdBytes + 1;
static_assert(kFlags + kFlagsBytes == kTraceParentBytes);

bool is_hex(std::string_view part) noexcept {
  return std::all_of(part.begin(), part.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_zero(std::string_view part) noexcept {
  return std::all_of(part.begin(), part.end(), [](char c) { return c == '0'; });
}
}  // namespace

bool is_trace_parent(std::string_view text) noexcept {
  if (text.size() < kTraceParentBytes) return false;
  const std::string_view version = text.substr(0, kVersionBytes);
  const std::string_view trace_id = text.substr(kTraceId, kTraceIdBytes);
  const std::string_view parent_id = text.substr(kParentId, kParentIdBytes);
  if (text[kTraceId - 1] != '-' || text[kParentId - 1] != '-' || text[kFlags - 1] != '-') return false;
  if (!is_hex(version) || !is_hex(trace_id) || !is_hex(parent_id) || !is_hex(text.substr(kFlags, kFlagsBytes)))
    return false;
  if (version == "ff" || is_zero(trace_id) || is_zero(parent_id)) return false;
  return text.size() == kTraceParentBytes || (version != "00" && text[kTraceParentBytes] == '-');
}

bool is_trace_state(std::string_view text) noexcept {
  // JavaScript counts in UTF-16: characters of four bytes are two, and no other byte but a first one counts.
  size_t characters = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    characters += (byte & 0xC0) == 0x80 ? 0 : byte >= 0xF0 ? 2 : 1;
  }
  return !text.empty() && characters <= kTraceStateCharactersMax;
}
}  // namespace penstock

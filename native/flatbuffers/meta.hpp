// The routing keys of a request as they lie in a frame: a view over FlatBuffers bytes that were bounds-checked when the
// view was made. Finding a key is linear in the number of entries (a handful, META_ENTRIES_MAX bounds it).
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "flatbuffers/flat_reader.hpp"

namespace penstock {
// One key: a number or a text, for the whole request or one per row.
struct MetaEntry {
  // Beyond it numbers skip integers: two ids would become one.
  static constexpr double kIntegerMax = 9007199254740991.0;

  std::string_view key;
  std::optional<double> number;
  std::optional<std::string_view> text;
  flatbuffers::Vector numbers;  // float64
  flatbuffers::Vector texts;    // offsets of strings
  // What of a text counts.
  size_t text_bytes_max = std::string_view::npos;

  size_t row_values() const noexcept { return numbers.exists() ? numbers.count : texts.exists() ? texts.count : 0; }
  bool is_per_row() const noexcept { return numbers.exists() || texts.exists(); }
  std::optional<double> number_at(size_t row) const noexcept;
  // A number is written the way JavaScript writes it in a key: 1 is "1", 0.5 is "0.5". `scratch` may hold the text.
  std::optional<std::string_view> text_at(size_t row, std::array<char, 32>& scratch) const noexcept;
};

class MetaView {
 public:
  MetaView() = default;
  // `entries`: a vector of Meta tables. False when any entry is malformed.
  static bool parse(flatbuffers::Vector entries, MetaView& view) noexcept;
  std::optional<MetaEntry> find(std::string_view key) const noexcept;
  bool is_empty() const noexcept { return entries_.count == 0; }
  // It has a key of the trace context, valid or not.
  bool has_trace() const noexcept { return has_trace_; }
  // From now on `find` finds of the trace context what is valid, as JavaScript would have encoded it. Returns the
  // traceparent of the whole request; empty: it has none, or one per row.
  std::string_view keep_valid_trace(uint32_t rows) noexcept;

 private:
  std::optional<MetaEntry> find_any(std::string_view key) const noexcept;

  flatbuffers::Vector entries_;
  bool has_trace_ = false;
  bool hides_trace_parent_ = false;
  bool hides_trace_state_ = false;
};
}  // namespace penstock

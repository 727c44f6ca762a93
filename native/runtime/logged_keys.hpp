// What the log keeps of a request's meta and of keys of its rows: of each column of keys the text that its rows have,
// one for all of them or one a row. It is copied at admission, because the frame that holds the meta is gone when the
// rows are logged. A text is valid UTF-8 of at most kBytesMax: longer ones are cut at a character, bytes that are none
// become '?', and both are counted. Memory: the request slot's, kept from request to request. Thread: whoever has the
// request.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "flatbuffers/meta.hpp"
#include "plan/request_log.hpp"

namespace penstock {
class LoggedKeys {
 public:
  // What META_TEXT_CHARACTERS_MAX of base/limits.ts takes at most, and some more: only a stranger's frame exceeds it.
  static constexpr size_t kBytesMax = 4096;

  // By name in the order of the columns. False: none of them is there. `changed`: grows by the texts that were not kept
  // as they came. A list that has not one value per row counts as absent. What the meta has goes before `row_keys`.
  bool keep(const std::vector<std::string>& names, const MetaView& meta, std::span<const RowKey> row_keys,
            uint32_t rows, uint64_t& changed);
  // Whether the column's key was there.
  bool has(size_t column) const noexcept { return spans_[column].count > 0; }
  std::string_view text(size_t column, uint32_t row) const noexcept;

 private:
  struct Span {
    uint32_t first = 0;
    uint32_t count = 0;  // 0: absent; 1: for all rows
  };
  void add_text(std::string_view text, uint64_t& changed);

  std::vector<char> bytes_;
  std::vector<uint32_t> ends_;  // of the texts
  std::vector<Span> spans_;     // by column
};
}  // namespace penstock

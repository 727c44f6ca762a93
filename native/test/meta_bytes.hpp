// A request's meta, laid out by hand as a stranger may send it.
#pragma once
#include <string>
#include <vector>

#include "flatbuffers/meta.hpp"
#include "test/testing.hpp"

namespace penstock::testing {
// Entries of a meta: { key, text } or { key, texts }, laid out by hand: the vector of offsets, then vtable, table and
// strings of each.
class MetaBytes {
 public:
  struct Entry {
    std::string key;
    std::vector<std::string> texts;
    bool is_list = false;
  };

  explicit MetaBytes(const std::vector<Entry>& entries) : count_(entries.size()) {
    put32(static_cast<uint32_t>(entries.size()));
    for (size_t i = 0; i < entries.size(); ++i) put32(0);
    for (size_t i = 0; i < entries.size(); ++i) add(4 + 4 * i, entries[i]);
  }
  const std::vector<uint8_t>& bytes() const { return bytes_; }
  MetaView view() const {
    MetaView view;
    CLAIM(MetaView::parse({{bytes_.data(), bytes_.size()}, 4, count_}, view));
    return view;
  }

 private:
  void put16(uint16_t value) {
    bytes_.push_back(static_cast<uint8_t>(value & 0xFF));
    bytes_.push_back(static_cast<uint8_t>(value >> 8));
  }
  void put32(uint32_t value) {
    put16(static_cast<uint16_t>(value & 0xFFFF));
    put16(static_cast<uint16_t>(value >> 16));
  }
  // Makes the offset at `at` lead to what comes next.
  void point(size_t at) {
    const auto distance = static_cast<uint32_t>(bytes_.size() - at);
    for (size_t i = 0; i < 4; ++i) bytes_[at + i] = static_cast<uint8_t>(distance >> (8 * i));
  }
  void put_string(size_t from, const std::string& text) {
    point(from);
    put32(static_cast<uint32_t>(text.size()));
    bytes_.insert(bytes_.end(), text.begin(), text.end());
    bytes_.push_back(0);
  }
  void add(size_t from, const Entry& entry) {
    const size_t vtable = bytes_.size();
    for (const int field : {14, 12, 4, 0, entry.is_list ? 0 : 8, 0, entry.is_list ? 8 : 0})
      put16(static_cast<uint16_t>(field));
    point(from);
    const size_t table = bytes_.size();
    put32(static_cast<uint32_t>(table - vtable));
    put32(0);
    put32(0);
    put_string(table + 4, entry.key);
    if (!entry.is_list) return put_string(table + 8, entry.texts[0]);
    point(table + 8);
    put32(static_cast<uint32_t>(entry.texts.size()));
    const size_t offsets = bytes_.size();
    for (size_t i = 0; i < entry.texts.size(); ++i) put32(0);
    for (size_t i = 0; i < entry.texts.size(); ++i) put_string(offsets + 4 * i, entry.texts[i]);
  }

  std::vector<uint8_t> bytes_;
  size_t count_;
};
}  // namespace penstock::testing

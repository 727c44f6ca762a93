// Claims about the texts that the log keeps of a request's meta, which may come from a stranger's frame.
#include "runtime/logged_keys.hpp"

#include <string>
#include <vector>

#include "test/testing.hpp"

using namespace penstock;
using namespace penstock::testing;

namespace {
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

// What is kept of one text.
std::string kept(const std::string& text, uint64_t& changed) {
  const MetaBytes bytes({{"k", {text}}});
  LoggedKeys keys;
  CLAIM(keys.keep({"k"}, bytes.view(), 1, changed));
  return std::string(keys.text(0, 0));
}
}  // namespace

TEST("logged keys: one text for all rows, one a row, or none") {
  const MetaBytes bytes({{"one", {"a"}}, {"each", {"x", "", "z"}, true}, {"short", {"p", "q"}, true}});
  LoggedKeys keys;
  uint64_t changed = 0;
  CLAIM(keys.keep({"each", "none", "one", "short"}, bytes.view(), 3, changed));
  CLAIM(keys.has(0) && !keys.has(1) && keys.has(2));
  CLAIM(!keys.has(3));  // not one value per row
  CLAIM(keys.text(0, 0) == "x" && keys.text(0, 1) == "" && keys.text(0, 2) == "z");
  CLAIM(keys.text(2, 0) == "a" && keys.text(2, 2) == "a");
  CLAIM(!keys.keep({"none"}, bytes.view(), 3, changed));
  CLAIM(changed == 0);
}

TEST("logged keys: a long text is cut at a character, and counted") {
  uint64_t changed = 0;
  const std::string full(LoggedKeys::kBytesMax, 'a');
  CLAIM(kept(full, changed) == full && changed == 0);
  CLAIM(kept(full + "b", changed) == full && changed == 1);
  const std::string almost(LoggedKeys::kBytesMax - 1, 'a');
  CLAIM(kept(almost + "\xC3\xA9", changed) == almost && changed == 2);
}

TEST("logged keys: what is no UTF-8 becomes question marks, and is counted once a text") {
  uint64_t changed = 0;
  for (const char* const valid : {"\x7F", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80",
                                  "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"})
    CLAIM(kept(valid, changed) == valid);
  CLAIM(changed == 0);
  CLAIM(kept("\xC0\x80", changed) == "??" && changed == 1);              // overlong
  CLAIM(kept("\xE0\x9F\xBF", changed) == "???" && changed == 2);         // overlong
  CLAIM(kept("\xED\xA0\x80", changed) == "???" && changed == 3);         // a surrogate
  CLAIM(kept("\xF4\x90\x80\x80", changed) == "????" && changed == 4);    // beyond U+10FFFF
  CLAIM(kept("a\xE2\x82", changed) == "a??" && changed == 5);            // ends early
  CLAIM(kept("\x80z\xFF", changed) == "?z?" && changed == 6);
}

int main() {
  return run_all();
}

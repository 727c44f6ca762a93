// Claims about the texts that the log keeps of a request's meta, which may come from a stranger's frame.
#include "runtime/logged_keys.hpp"

#include <string>
#include <vector>

#include "test/meta_bytes.hpp"
#include "test/testing.hpp"

using namespace penstock;
using namespace penstock::testing;

namespace {
// What is kept of one text.
std::string kept(const std::string& text, uint64_t& changed) {
  const MetaBytes bytes({{"k", {text}}});
  LoggedKeys keys;
  CLAIM(keys.keep({"k"}, bytes.view(), {}, 1, changed));
  return std::string(keys.text(0, 0));
}
}  // namespace

TEST("logged keys: one text for all rows, one a row, or none") {
  const MetaBytes bytes({{"one", {"a"}}, {"each", {"x", "", "z"}, true}, {"short", {"p", "q"}, true}});
  LoggedKeys keys;
  uint64_t changed = 0;
  CLAIM(keys.keep({"each", "none", "one", "short"}, bytes.view(), {}, 3, changed));
  CLAIM(keys.has(0) && !keys.has(1) && keys.has(2));
  CLAIM(!keys.has(3));  // not one value per row
  CLAIM(keys.text(0, 0) == "x" && keys.text(0, 1) == "" && keys.text(0, 2) == "z");
  CLAIM(keys.text(2, 0) == "a" && keys.text(2, 2) == "a");
  CLAIM(!keys.keep({"none"}, bytes.view(), {}, 3, changed));
  CLAIM(changed == 0);
}

TEST("logged keys: what the rows themselves have is kept where the meta has it not") {
  const MetaBytes bytes({{"own", {"mine"}}, {"short", {"p"}, true}});
  const std::string texts = "abc";
  const std::vector<uint32_t> offsets{0, 1, 1, 3};
  const std::vector<RowKey> row_keys{{"own", texts.data(), offsets.data()},
                                     {"bottle", texts.data(), offsets.data()},
                                     {"short", texts.data(), offsets.data()},
                                     {"unlogged", texts.data(), offsets.data()}};
  LoggedKeys keys;
  uint64_t changed = 0;
  CLAIM(keys.keep({"bottle", "own", "short", "none"}, bytes.view(), row_keys, 3, changed));
  CLAIM(keys.has(0) && keys.text(0, 0) == "a" && keys.text(0, 1) == "" && keys.text(0, 2) == "bc");
  CLAIM(keys.has(1) && keys.text(1, 2) == "mine" && keys.has(2) && keys.text(2, 2) == "bc" && !keys.has(3));
  CLAIM(keys.keep({"bottle"}, MetaView(), row_keys, 3, changed) && keys.text(0, 2) == "bc" && changed == 0);
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
  CLAIM(kept("\xC0\x80", changed) == "??" && changed == 1);            // overlong
  CLAIM(kept("\xE0\x9F\xBF", changed) == "???" && changed == 2);       // overlong
  CLAIM(kept("\xED\xA0\x80", changed) == "???" && changed == 3);       // a surrogate
  CLAIM(kept("\xF4\x90\x80\x80", changed) == "????" && changed == 4);  // beyond U+10FFFF
  CLAIM(kept("a\xE2\x82", changed) == "a??" && changed == 5);          // ends early
  CLAIM(kept("\x80z\xFF", changed) == "?z?" && changed == 6);
}

int main() {
  return run_all();
}

namespace {
const std::string kParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

struct Trace {
  std::string parent;  // that answers repeat
  std::string logged_parent;
  std::string logged_state;
};

Trace trace_of(const std::vector<MetaBytes::Entry>& entries, uint32_t rows = 1) {
  const MetaBytes bytes(entries);
  MetaView meta = bytes.view();
  CLAIM(meta.has_trace());
  Trace trace;
  trace.parent = meta.keep_valid_trace(rows);
  LoggedKeys keys;
  uint64_t changed = 0;
  keys.keep({"traceparent", "tracestate"}, meta, {}, rows, changed);
  if (keys.has(0)) trace.logged_parent = keys.text(0, rows - 1);
  if (keys.has(1)) trace.logged_state = keys.text(1, rows - 1);
  return trace;
}
}  // namespace

TEST("trace context: a valid one is kept, an invalid parent goes with its state") {
  const Trace valid = trace_of({{"traceparent", {kParent}}, {"tracestate", {"a=1"}}});
  CLAIM(valid.parent == kParent && valid.logged_parent == kParent && valid.logged_state == "a=1");
  for (const std::string& parent : {std::string(), kParent.substr(1), kParent + "-more", "ff" + kParent.substr(2)}) {
    const Trace invalid = trace_of({{"traceparent", {parent}}, {"tracestate", {"a=1"}}});
    CLAIM(invalid.parent.empty() && invalid.logged_parent.empty() && invalid.logged_state.empty());
  }
  const Trace orphan = trace_of({{"tracestate", {"a=1"}}});
  CLAIM(orphan.parent.empty() && orphan.logged_state.empty());
}

TEST("trace context: of a later version the first four parts are taken") {
  const std::string later = "cc" + kParent.substr(2);
  const Trace trace = trace_of({{"traceparent", {later + "-what-will-be"}}});
  CLAIM(trace.parent == later && trace.logged_parent == later);
}

TEST("trace context: one parent per row is logged, and not repeated; all go when one is invalid, or missing") {
  const std::string other = kParent.substr(0, 53) + "00";
  const Trace each = trace_of({{"traceparent", {kParent, other}, true}}, 2);
  CLAIM(each.parent.empty() && each.logged_parent == other);
  CLAIM(trace_of({{"traceparent", {"no", kParent}, true}}, 2).logged_parent.empty());
  const Trace few = trace_of({{"traceparent", {kParent}, true}, {"tracestate", {"a=1"}}}, 2);
  CLAIM(few.logged_parent.empty() && few.logged_state.empty());
}

TEST("trace context: a state of 512 characters is kept, a longer or empty one is dropped alone") {
  const auto state_of = [](const std::string& state) {
    return trace_of({{"traceparent", {kParent}}, {"tracestate", {state}}});
  };
  std::string accents, faces;
  for (int i = 0; i < 512; ++i) accents += "\xC3\xA9";
  for (int i = 0; i < 256; ++i) faces += "\xF0\x9F\x98\x80";
  for (const std::string& full : {std::string(512, 'x'), accents, faces}) {
    CLAIM(state_of(full).logged_state == full);
    CLAIM(state_of(full + "x").logged_state.empty() && state_of(full + "x").parent == kParent);
  }
  CLAIM(state_of("").logged_state.empty() && state_of("").logged_parent == kParent);
}

TEST("trace context: other keys are found as they were") {
  const std::vector<MetaBytes::Entry> traced = {{"k", {"v"}}, {"traceparent", {"no"}}};
  const MetaBytes bytes(traced);
  MetaView meta = bytes.view();
  CLAIM(meta.keep_valid_trace(1).empty());
  CLAIM(meta.find("k") && !meta.find("traceparent"));
  const std::vector<MetaBytes::Entry> untraced = {{"k", {"v"}}};
  const MetaBytes none(untraced);
  CLAIM(!none.view().has_trace() && none.view().find("k"));
}

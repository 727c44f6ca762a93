#include "contract/row_reader.hpp"

#include <bit>
#include <cstring>
#include <utility>

#include "contract/check_rows.hpp"
#include "contract/plain_value.hpp"
#include "json/text/scan.hpp"

namespace penstock::contract {
namespace {
const char* skip_space(const char* at, const char* end) noexcept {
  // Nearly always there is none.
  if (at < end && *at > ' ') return at;
  json::Cursor cursor{at, end};
  cursor.skip_space();
  return cursor.at;
}

}  // namespace

RowReader::RowReader(std::shared_ptr<const RowSpec> spec, const SipKey& key, ByteBudget* budget)
    : spec_(std::move(spec)), key_(key), table_(spec_, budget) {
  slots_.reserve(spec_->fields().size() + 1);
  for (const RowField& field : spec_->fields()) add_slot(field);
  slots_.emplace_back().next = 0;
  // Keys take whole blocks, so that one may be read where a key ends.
  for (const Slot& slot : slots_) keys_.resize(keys_.size() + slot.key_blocks * kKeyBlockBytes);
  char* next = keys_.data();
  for (size_t i = 0; i < spec_->fields().size(); next += slots_[i].key_blocks * kKeyBlockBytes, ++i)
    slots_[i].key = static_cast<char*>(std::memcpy(next, spec_->fields()[i].key.data(), slots_[i].key_bytes));
  // Longer keys are no field's; what is said of them is short.
  name_.resize(std::max(spec_->name_bytes_max(), kContractTextBytesMax) + 4);
}

void RowReader::add_slot(const RowField& field) {
  Slot& slot = slots_.emplace_back();
  slot.next = static_cast<uint32_t>(slots_.size() % spec_->fields().size());
  slot.dtype = field.dtype;
  if (field.is_string()) text_fields_.push_back(static_cast<uint32_t>(slots_.size() - 1));
  slot.kind = !field.dims.empty() ? Kind::kArray : field.is_string() ? Kind::kText : Kind::kNumber;
  slot.row_bytes = field.values * field.element_bytes;
  slot.key_bytes = static_cast<uint32_t>(field.key.size());
  slot.key_blocks = static_cast<uint32_t>((slot.key_bytes + kKeyBlockBytes - 1) / kKeyBlockBytes);
  slot.key_mask = (uint32_t{1} << (slot.key_bytes - (slot.key_blocks - 1) * kKeyBlockBytes)) - 1;
}

void RowReader::refresh_slots() noexcept {
  room_ = table_.room();
  if (moves_ == table_.moves()) return;
  moves_ = table_.moves();
  for (uint32_t field = 0; field + 1 < slots_.size(); ++field) {
    Slot& slot = slots_[field];
    slot.values = table_.own_values(field);
    if (slot.dtype != Dtype::kString) continue;
    slot.text_room = table_.text_room(field);
    slot.offsets = table_.own_offsets(field);
    if (slot.offsets != nullptr) slot.offsets[0] = 0;
  }
}

RowReader::Outcome RowReader::read(std::string_view body, const ReadLimits& limits, BodyForm form) {
  table_.begin(limits);
  for (const uint32_t field : text_fields_) slots_[field].text_used = 0;
  refresh_slots();
  row_ = 0;
  fault_ = BodyFault::kNone;
  end_ = body.data() + body.size();
  const char* at = skip_space(body.data(), end_);
  const char first = at < end_ ? *at : '\0';
  depth_ = first == '[' ? 2 : 1;
  if (form == BodyForm::kLines)
    at = read_lines(at);
  else if (first == '[')
    at = read_list(at + 1);
  else
    at = first == '{' ? read_row(at + 1) : fail_behind(BodyFault::kRows, at);
  if (at != nullptr) {
    at = skip_space(at, end_);
    if (at != end_) fail(BodyFault::kTrailing, at);
  }
  if (fault_ == BodyFault::kNone && (!table_.publish(row_) || !check_rows(table_, key_)))
    fail(BodyFault::kNoMemory, end_);
  table_.report().sort();
  if (fault_ == BodyFault::kNone) return {};
  table_.publish(0);
  return {fault_, static_cast<size_t>(fault_at_ - body.data())};
}

const char* RowReader::read_list(const char* at) {
  at = skip_space(at, end_);
  if (at < end_ && *at == ']') return at + 1;
  for (;;) {
    at = skip_space(at, end_);
    if (at == end_ || *at != '{') return fail_behind(BodyFault::kRows, at);
    at = read_row(at + 1);
    if (at == nullptr) return nullptr;
    at = skip_space(at, end_);
    if (at < end_ && *at == ',') {
      ++at;
      continue;
    }
    return at < end_ && *at == ']' ? at + 1 : fail_behind(BodyFault::kComma, at);
  }
}

const char* RowReader::read_lines(const char* at) {
  depth_ = 1;
  while (at != end_) {
    if (*at != '{') return fail(BodyFault::kRows, at);
    at = read_row(at + 1);
    if (at == nullptr) return nullptr;
    at = skip_space(at, end_);
  }
  return at;
}

// Whether the field's key, quotes included, stands at `at`.
[[gnu::always_inline]] inline bool RowReader::matches(const Slot& slot, const char* at, const char* end) noexcept {
#if defined(__SSE2__)
  if (static_cast<size_t>(end - at) >= slot.key_blocks * kKeyBlockBytes) {
    const char* key = slot.key;
    for (uint32_t left = slot.key_blocks; left > 0; --left, at += kKeyBlockBytes, key += kKeyBlockBytes) {
      const __m128i text = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
      const __m128i expected = _mm_loadu_si128(reinterpret_cast<const __m128i*>(key));
      const auto others = ~static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(text, expected)));
      if ((others & (left == 1 ? slot.key_mask : 0xffff)) != 0) return false;
    }
    return true;
  }
#endif
  return static_cast<size_t>(end - at) >= slot.key_bytes && std::memcmp(at, slot.key, slot.key_bytes) == 0;
}

// A text of less than 16 bytes, of ASCII without escapes, where there is room for it. Null: any other, nothing was
// done.
inline const char* RowReader::read_short_text(const char* at, Slot& slot) noexcept {
#if defined(__SSE2__)
  if (end_ - at < 17 || *at != '"' || slot.text_room - slot.text_used < 16) return nullptr;
  const __m128i text = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at + 1));
  const __m128i quotes = _mm_cmpeq_epi8(text, _mm_set1_epi8('"'));
  const auto quote_bits = static_cast<uint32_t>(_mm_movemask_epi8(quotes));
  // Signed: what is beyond ASCII is below zero, as control characters are below the space.
  const __m128i others =
      _mm_or_si128(_mm_cmplt_epi8(text, _mm_set1_epi8(0x20)), _mm_cmpeq_epi8(text, _mm_set1_epi8('\\')));
  const uint32_t before = (quote_bits & (0 - quote_bits)) - 1;
  if (quote_bits == 0 || (static_cast<uint32_t>(_mm_movemask_epi8(others)) & before) != 0) return nullptr;
  _mm_storeu_si128(reinterpret_cast<__m128i*>(slot.values + slot.text_used), text);
  const auto bytes = static_cast<size_t>(std::countr_zero(quote_bits));
  slot.text_used += bytes;
  slot.offsets[row_ + 1] = static_cast<uint32_t>(slot.text_used);
  return at + bytes + 2;
#else
  return nullptr;
#endif
}

// From behind the opening brace to behind the closing one.
const char* RowReader::read_row(const char* at) {
  if (row_ == room_) {
    if (const BodyFault fault = table_.reserve(row_ + 1); fault != BodyFault::kNone) return fail(fault, at - 1);
    refresh_slots();
  }
  const uint64_t serial = ++serial_;
  // Local, for the compiler has to take every byte that is stored for a change of what is not.
  Slot* const slots = slots_.data();
  const char* const end = end_;
  const size_t row = row_;
  const auto count = static_cast<uint32_t>(slots_.size() - 1);
  uint32_t previous = count;
  uint32_t seen = 0;
  at = skip_space(at, end);
  bool is_open = at == end || *at != '}';
  while (is_open) {
    at = skip_space(at, end);
    uint32_t index = slots[previous].next;
    if (matches(slots[index], at, end))
      at += slots[index].key_bytes;
    else if ((at = read_key(at, previous, index)) == nullptr)
      return nullptr;
    at = skip_space(at, end);
    if (at == end || *at != ':') return fail_behind(BodyFault::kColon, at);
    at = skip_space(at + 1, end);
    if (index == RowSpec::kNone) {
      at = skip(at);
    } else if (Slot& slot = slots[index]; slot.row_seen != serial) {
      slot.row_seen = serial;
      previous = index;
      ++seen;
      const char* const behind = slot.kind == Kind::kNumber
                                     ? take_plain(slot.dtype, at, end, slot.values + row * slot.row_bytes)
                                 : slot.kind == Kind::kText ? read_short_text(at, slot)
                                                            : nullptr;
      at = behind != nullptr ? behind : read_member(at, index);
    } else {
      at = read_twice(at, index);
    }
    if (at == nullptr) return nullptr;
    at = skip_space(at, end);
    is_open = at < end && *at == ',';
    if (!is_open && (at == end || *at != '}')) return fail_behind(BodyFault::kComma, at);
    at += is_open ? 1 : 0;
  }
  if (seen < count && !add_absent(serial)) return fail(fault_, at);
  ++row_;
  return at + 1;
}

// A key that is not the expected one. index: its field, or kNone.
const char* RowReader::read_key(const char* at, uint32_t previous, uint32_t& index) {
  if (at == end_ || *at != '"') return fail_behind(BodyFault::kKey, at);
  json::Cursor cursor{at, end_};
  json::StringText text;
  if (const BodyFault fault = json::scan_string(cursor, text); fault != BodyFault::kNone) return fail(fault, cursor.at);
  std::string_view name = text.raw;
  if (text.has_escapes) {
    // What is cut is longer than any field's name.
    name = {name_.data(), json::decode_string(name, name_.data(), name_.size()).bytes};
  }
  index = spec_->find(name);
  if (index != RowSpec::kNone)
    slots_[previous].next = index;
  else if (spec_->extra() != ExtraFields::kIgnore)
    table_.report().add_extra(row_, name);
  return cursor.at;
}

const char* RowReader::skip(const char* at) {
  json::Cursor cursor{at, end_};
  const BodyFault fault = json::skip_value(cursor, depth_);
  return fault == BodyFault::kNone ? cursor.at : fail(fault, cursor.at);
}

// The first value stays; the row has two, so that nobody knows which was meant.
const char* RowReader::read_twice(const char* at, uint32_t index) {
  const char* const behind = skip(at);
  if (behind == nullptr) return nullptr;
  Problem* problem = nullptr;
  table_.judge(row_, index, Problem::kNoElement, ContractRule::kDuplicate, Remedy::kNone, problem);
  if (problem != nullptr) problem->text.set({at, static_cast<size_t>(behind - at)});
  return behind;
}
}  // namespace penstock::contract

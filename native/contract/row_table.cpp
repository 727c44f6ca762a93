#include "contract/row_table.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "contract/element.hpp"
#include "core/assert.hpp"

namespace penstock::contract {
namespace {
constexpr uint32_t kRowsMin = 64;            // of a first growth
constexpr size_t kTextBytesMax = INT32_MAX;  // of one column: Arrow's offsets are signed

bool has_bit(const uint8_t* bits, size_t index) noexcept {
  return (bits[index / 8] >> (index % 8) & 1) != 0;
}

void put_bit(uint8_t* bits, size_t index, bool is_set) noexcept {
  const auto mask = static_cast<uint8_t>(1 << (index % 8));
  bits[index / 8] = static_cast<uint8_t>(is_set ? bits[index / 8] | mask : bits[index / 8] & ~mask);
}
}  // namespace

RowTable::RowTable(std::shared_ptr<const RowSpec> spec, ByteBudget* budget)
    : spec_(std::move(spec)),
      budget_(budget),
      columns_(spec_->fields().size()),
      own_(spec_->fields().size()),
      report_(*spec_) {}

RowTable::~RowTable() {
  if (budget_ != nullptr) budget_->release(static_cast<int64_t>(held_bytes_));
}

void RowTable::begin(const ReadLimits& limits) noexcept {
  limits_ = limits;
  if (has_flags_ || has_dropped_) std::memset(states(), 0, capacity_);
  has_flags_ = has_dropped_ = false;
  if (has_bits_)
    for (OwnColumn& own : own_) own.bit_bytes = 0;
  if (has_bits_ || has_lent_) moves_published_ = 0;
  if (moves_published_ == 0) columns_.assign(columns_.size(), Column{});
  has_bits_ = has_lent_ = false;
  dropped_.clear();
  report_.clear();
  rows_ = 0;
}

bool RowTable::grow(json::Elements& memory, size_t bytes) noexcept {
  const size_t before = memory.capacity();
  const size_t more = memory.capacity_for(bytes) - before;
  if (more == 0) return true;
  if (budget_ != nullptr && !budget_->try_charge(static_cast<int64_t>(more))) return false;
  if (!memory.reserve(bytes)) {
    if (budget_ != nullptr) budget_->release(static_cast<int64_t>(more));
    return false;
  }
  held_bytes_ += more;
  ++moves_;
  return true;
}

void RowTable::trim() noexcept {
  size_t held_bytes = 0;
  const auto trim_one = [&](json::Elements& memory) {
    const size_t before = memory.capacity();
    memory.trim();
    held_bytes += memory.capacity();
    if (memory.capacity() == before) return;
    capacity_ = 0;
    ++moves_;
  };
  for (OwnColumn& own : own_)
    for (json::Elements* const memory : {&own.values, &own.offsets, &own.validity}) trim_one(*memory);
  trim_one(states_);
  trim_one(spare_);
  if (budget_ != nullptr) budget_->release(static_cast<int64_t>(held_bytes_ - held_bytes));
  held_bytes_ = held_bytes;
}

uint32_t RowTable::room() const noexcept {
  const size_t by_bytes = limits_.bytes_max / spec_->row_bytes();
  return static_cast<uint32_t>(std::min({size_t{capacity_}, size_t{limits_.rows_max}, by_bytes}));
}

BodyFault RowTable::reserve(uint32_t rows) noexcept {
  if (rows > limits_.rows_max) return BodyFault::kTooManyRows;
  const size_t by_bytes = limits_.bytes_max / spec_->row_bytes();
  if (rows > by_bytes) return BodyFault::kTooLarge;
  if (rows <= capacity_) return BodyFault::kNone;
  const size_t doubled = std::max({size_t{rows}, 2 * size_t{capacity_}, size_t{kRowsMin}});
  const auto wanted = static_cast<uint32_t>(std::min({doubled, size_t{limits_.rows_max}, by_bytes}));
  for (uint32_t field = 0; field < own_.size(); ++field)
    if (!grow_column(field, wanted)) return BodyFault::kNoMemory;
  if (!grow(states_, wanted)) return BodyFault::kNoMemory;
  std::memset(states() + capacity_, 0, wanted - capacity_);
  capacity_ = wanted;
  return BodyFault::kNone;
}

bool RowTable::grow_column(uint32_t field, uint32_t rows) noexcept {
  const RowField& spec = spec_->fields()[field];
  const size_t count = elements(field, rows);
  if (spec.is_string()) return grow(own_[field].offsets, (count + 1) * sizeof(uint32_t));
  return grow(own_[field].values, count * spec.element_bytes);
}

size_t RowTable::text_room(uint32_t field) const noexcept {
  return std::min(own_[field].values.capacity(), kTextBytesMax);
}

BodyFault RowTable::reserve_text(uint32_t field, size_t used, size_t bytes) noexcept {
  if (used + bytes > kTextBytesMax) return BodyFault::kTooLarge;
  return grow(own_[field].values, used + bytes) ? BodyFault::kNone : BodyFault::kNoMemory;
}

// Bits up to that of `index`, set where nobody cleared them.
bool RowTable::fill_bits(uint32_t field, size_t index) noexcept {
  OwnColumn& own = own_[field];
  const size_t needed = index / 8 + 1;
  if (needed <= own.bit_bytes) return true;
  const size_t wanted = std::max(needed, 2 * own.bit_bytes);
  if (!grow(own.validity, wanted)) return false;
  has_bits_ = true;
  std::memset(own_validity(field) + own.bit_bytes, 0xff, wanted - own.bit_bytes);
  own.bit_bytes = wanted;
  return true;
}

bool RowTable::publish(uint32_t rows) noexcept {
  rows_ = rows;
  // Requests without missing values leave the columns where the last ones did.
  if (moves_published_ == moves_ && !has_bits_) return true;
  for (uint32_t field = 0; field < own_.size(); ++field)
    if (!publish_column(field)) return false;
  moves_published_ = moves_;
  return true;
}

bool RowTable::publish_column(uint32_t field) noexcept {
  Column& column = columns_[field];
  column.values = own_[field].values.data();
  column.offsets = spec_->fields()[field].is_string() ? own_offsets(field) : nullptr;
  column.validity = nullptr;
  if (own_[field].bit_bytes == 0 || rows_ == 0) return true;
  if (!fill_bits(field, elements(field, rows_) - 1)) return false;
  column.validity = own_validity(field);
  return true;
}

OnInvalid RowTable::judge(uint32_t row, uint32_t field, int32_t element, ContractRule rule, Remedy remedy,
                          Problem*& problem) {
  OnInvalid outcome = spec_->fields()[field].on_invalid;
  if (outcome == OnInvalid::kClamp && remedy != Remedy::kBound) outcome = OnInvalid::kReject;
  if (outcome == OnInvalid::kImpute && remedy == Remedy::kNone) outcome = OnInvalid::kReject;
  problem = report_.add(row, field, element, rule, outcome);
  if (outcome == OnInvalid::kFlag) {
    states()[row] |= kFlagged;
    has_flags_ = true;
  } else if (outcome == OnInvalid::kDrop) {
    states()[row] |= kLeftOut;
    has_dropped_ = true;
  }
  return outcome;
}

bool RowTable::own(uint32_t field) noexcept {
  Column& column = columns_[field];
  OwnColumn& own = own_[field];
  const size_t count = elements(field, rows_);
  if (column.values != nullptr && column.values != own.values.data()) {
    const RowField& spec = spec_->fields()[field];
    const size_t bytes = spec.is_string() ? column.offsets[count] : count * spec.element_bytes;
    if (!grow(own.values, bytes)) return false;
    if (bytes > 0) std::memcpy(own.values.data(), column.values, bytes);
    column.values = own.values.data();
  }
  if (column.offsets != nullptr && column.offsets != own_offsets(field)) {
    std::memcpy(own_offsets(field), column.offsets, (count + 1) * sizeof(uint32_t));
    column.offsets = own_offsets(field);
  }
  if (column.validity != nullptr && column.validity != own_validity(field) && count > 0) {
    if (!fill_bits(field, count - 1)) return false;
    std::memcpy(own_validity(field), column.validity, (count + 7) / 8);
    column.validity = own_validity(field);
  }
  return true;
}

bool RowTable::set_missing(uint32_t field, size_t index) noexcept {
  if (!own(field)) return false;
  // Once it is published, all of its bits are wanted at once.
  const size_t count = elements(field, rows_);
  if (!fill_bits(field, std::max(index, count == 0 ? 0 : count - 1))) return false;
  if (rows_ > 0) columns_[field].validity = own_validity(field);
  if (has_bit(own_validity(field), index)) ++columns_[field].missing;
  put_bit(own_validity(field), index, false);
  const RowField& spec = spec_->fields()[field];
  if (spec.is_string()) return true;
  std::byte* const memory = own_[field].values.data() + index * spec.element_bytes;
  std::memset(memory, 0, spec.element_bytes);
  with_number(spec.dtype, [&](auto element) {
    const auto missing = decltype(element)::kMissing;
    std::memcpy(memory, &missing, sizeof missing);
  });
  return true;
}

bool RowTable::set_element(uint32_t field, size_t index, const std::byte* element) noexcept {
  if (!own(field)) return false;
  const size_t bytes = spec_->fields()[field].element_bytes;
  std::memcpy(own_[field].values.data() + index * bytes, element, bytes);
  set_present(field, index);
  return true;
}

void RowTable::set_present(uint32_t field, size_t index) noexcept {
  if (own_[field].bit_bytes <= index / 8 || has_bit(own_validity(field), index)) return;
  put_bit(own_validity(field), index, true);
  --columns_[field].missing;
}

bool RowTable::replace_texts(uint32_t field, const std::vector<uint32_t>& indices) {
  if (indices.empty()) return true;
  if (!own(field)) return false;
  Column& column = columns_[field];
  const std::string& impute = spec_->fields()[field].impute_text;
  const size_t count = elements(field, rows_);
  const size_t bytes = column.offsets[count] + indices.size() * impute.size();
  if (bytes > kTextBytesMax || !grow(spare_, std::max(bytes, size_t{1}))) return false;
  uint32_t* const offsets = own_offsets(field);
  uint32_t start = 0, used = 0;
  size_t next = 0;
  for (size_t i = 0; i < count; ++i) {
    const uint32_t end = offsets[i + 1];
    const bool is_replaced = next < indices.size() && indices[next] == i;
    const std::string_view replacement = column.is_missing(i) ? std::string_view() : std::string_view(impute);
    const std::string_view text =
        is_replaced ? replacement : std::string_view(reinterpret_cast<const char*>(column.values) + start, end - start);
    if (!text.empty()) std::memcpy(spare_.data() + used, text.data(), text.size());
    used += static_cast<uint32_t>(text.size());
    offsets[i + 1] = used;
    start = end;
    if (is_replaced) ++next;
  }
  std::swap(spare_, own_[field].values);
  ++moves_;
  column.values = own_[field].values.data();
  return true;
}

bool RowTable::drop_rows() {
  if (!has_dropped_) return true;
  for (uint32_t field = 0; field < own_.size(); ++field) {
    if (!own(field)) return false;
    if (columns_[field].validity != nullptr) drop_bits(field);
    if (spec_->fields()[field].is_string())
      drop_texts(field);
    else
      drop_elements(field);
  }
  uint32_t kept = 0;
  for (uint32_t row = 0; row < rows_; ++row) {
    if (is_dropped(row))
      dropped_.push_back(row);
    else
      states()[kept++] = states()[row];
  }
  rows_ = kept;
  return true;
}

void RowTable::drop_elements(uint32_t field) noexcept {
  std::byte* const memory = own_[field].values.data();
  const size_t row_bytes = size_t{spec_->fields()[field].values} * spec_->fields()[field].element_bytes;
  std::byte* target = memory;
  for (uint32_t row = 0; row < rows_; ++row) {
    if (is_dropped(row)) continue;
    std::memmove(target, memory + row * row_bytes, row_bytes);
    target += row_bytes;
  }
}

void RowTable::drop_texts(uint32_t field) noexcept {
  const size_t values = spec_->fields()[field].values;
  uint32_t* const offsets = own_offsets(field);
  std::byte* const memory = own_[field].values.data();
  size_t kept = 0;
  uint32_t used = 0, start = 0;
  for (uint32_t row = 0; row < rows_; ++row)
    for (size_t i = 0; i < values; ++i) {
      const uint32_t end = offsets[row * values + i + 1];
      if (!is_dropped(row)) {
        std::memmove(memory + used, memory + start, end - start);
        used += end - start;
        offsets[++kept] = used;
      }
      start = end;
    }
}

void RowTable::drop_bits(uint32_t field) noexcept {
  const size_t values = spec_->fields()[field].values;
  uint8_t* const bits = own_validity(field);
  size_t kept = 0, missing = 0;
  for (uint32_t row = 0; row < rows_; ++row) {
    if (is_dropped(row)) continue;
    for (size_t i = 0; i < values; ++i, ++kept) {
      const bool is_there = has_bit(bits, row * values + i);
      put_bit(bits, kept, is_there);
      missing += is_there ? 0 : 1;
    }
  }
  columns_[field].missing = missing;
  if (missing == 0) columns_[field].validity = nullptr;
}
}  // namespace penstock::contract

#include "log/segment.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <limits>
#include <utility>

#include "core/assert.hpp"
#include "log/record_batch.hpp"

namespace penstock {
namespace {
constexpr size_t kSequenceDigits = 10;
constexpr size_t kPartsMax = 1024;  // of one writev: IOV_MAX

constexpr MessageFacts kNoRows{0, std::numeric_limits<int64_t>::max(), std::numeric_limits<int64_t>::min()};

std::string digits_of(uint64_t sequence) {
  std::array<char, 24> text;
  std::snprintf(text.data(), text.size(), "%010llu", static_cast<unsigned long long>(sequence));
  return text.data();
}

// 0: the name does not begin with a sequence number.
uint64_t sequence_of(const std::string& name) noexcept {
  if (name.size() < kSequenceDigits) return 0;
  uint64_t sequence = 0;
  for (size_t i = 0; i < kSequenceDigits; ++i) {
    if (name[i] < '0' || name[i] > '9') return 0;
    sequence = sequence * 10 + static_cast<uint64_t>(name[i] - '0');
  }
  return sequence;
}
}  // namespace

LogSegment::~LogSegment() {
  if (file_ >= 0) files_.close(file_);
}

int LogSegment::next_sequence(uint64_t& sequence) {
  std::vector<std::string> names;
  if (const int fault = files_.list(directory_, names); fault < 0) return fault;
  sequence = 0;
  for (const std::string& name : names) sequence = std::max(sequence, sequence_of(name));
  ++sequence;
  return 0;
}

int LogSegment::open(std::span<const std::byte> schema) {
  PENSTOCK_ASSERT(file_ < 0);
  if (const int fault = files_.make_directory(directory_); fault < 0) return fault;
  if (const int fault = next_sequence(sequence_); fault < 0) return fault;
  name_ = digits_of(sequence_) + ".arrows";
  file_ = files_.create(path_of(name_));
  if (file_ < 0) return file_;
  facts_ = synced_facts_ = kNoRows;
  std::vector<iovec> parts = {{const_cast<std::byte*>(schema.data()), schema.size()}};
  const int fault = append(parts, kNoRows, 0);
  if (fault >= 0) return 0;
  files_.remove(path_of(name_));
  files_.close(std::exchange(file_, -1));
  return fault;
}

int LogSegment::append(std::vector<iovec>& parts, const MessageFacts& facts, int64_t now_ns) {
  uint64_t bytes = 0;
  for (const iovec& part : parts) bytes += part.iov_len;
  if (const int fault = write_all(parts); fault < 0) {
    files_.truncate(file_, size_bytes_);
    return fault;
  }
  files_.begin_sync(file_, size_bytes_, bytes);
  size_bytes_ += bytes;
  if (facts_.rows == 0) begun_ns_ = now_ns;
  facts_.rows += facts.rows;
  facts_.first_ms = std::min(facts_.first_ms, facts.first_ms);
  facts_.last_ms = std::max(facts_.last_ms, facts.last_ms);
  return 0;
}

int LogSegment::write_all(std::vector<iovec>& parts) {
  uint64_t offset = size_bytes_;
  for (size_t first = 0; first < parts.size();) {
    const size_t count = std::min(parts.size() - first, kPartsMax);
    int64_t written = files_.write(file_, parts.data() + first, static_cast<int>(count), offset);
    if (written == -EINTR) continue;
    if (written <= 0) return written < 0 ? static_cast<int>(written) : -EIO;
    offset += static_cast<uint64_t>(written);
    while (first < parts.size() && written >= static_cast<int64_t>(parts[first].iov_len))
      written -= static_cast<int64_t>(parts[first++].iov_len);
    if (first == parts.size() || written == 0) continue;
    parts[first].iov_base = static_cast<std::byte*>(parts[first].iov_base) + written;
    parts[first].iov_len -= static_cast<size_t>(written);
  }
  return 0;
}

int LogSegment::sync() {
  if (!is_dirty()) return 0;
  if (const int fault = files_.sync(file_); fault < 0) return fault;
  const int links = files_.link_count(file_);
  if (links <= 0) return links < 0 ? links : -ENOENT;
  synced_bytes_ = size_bytes_;
  synced_facts_ = facts_;
  return 0;
}

uint64_t LogSegment::cut_back() noexcept {
  files_.truncate(file_, synced_bytes_);
  size_bytes_ = synced_bytes_;
  const uint64_t lost = facts_.rows - synced_facts_.rows;
  facts_ = synced_facts_;
  return lost;
}

// Readers do without the marker where there is no room for it.
void LogSegment::end() noexcept {
  std::vector<iovec> marker = {{const_cast<std::byte*>(end_of_stream()), kEndOfStreamBytes}};
  append(marker, kNoRows, 0);
}

int LogSegment::seal() {
  if (facts_.rows == 0) {
    if (const int fault = files_.remove(path_of(name_)); fault < 0) return fault;
  } else {
    if (const int fault = sync(); fault < 0) return fault;
    const std::string sealed = digits_of(sequence_) + '-' + std::to_string(facts_.first_ms) + '-' +
                               std::to_string(facts_.last_ms) + '-' + std::to_string(facts_.rows) + ".arrows";
    if (const int fault = files_.rename(path_of(name_), path_of(sealed)); fault < 0) return fault;
  }
  files_.close(std::exchange(file_, -1));
  return 0;
}
}  // namespace penstock

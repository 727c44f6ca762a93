// One file of the log: an Arrow IPC stream that grows by whole messages and ends up sealed.
//
//   <seq>.arrows ── schema, batches … ── end marker, fdatasync, rename ──► <seq>-<firstMs>-<lastMs>-<rows>.arrows
//
// seq is ten digits, one above the highest that begins a name in the folder, whatever stands behind it: it never goes
// backwards, for readers' cursors are made of it. A message that could not be written whole is cut off again; after a
// failed sync, all that came after the sync before it, because the kernel may have thrown it away.
// Functions return 0 or -errno. Thread: the log writer's.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "log/file_layer.hpp"

namespace penstock {
struct MessageFacts {
  uint64_t rows = 0;
  int64_t first_ms = 0;
  int64_t last_ms = 0;
};

class LogSegment {
 public:
  LogSegment(FileLayer& files, std::string directory) : files_(files), directory_(std::move(directory)) {}
  ~LogSegment();
  LogSegment(const LogSegment&) = delete;
  LogSegment& operator=(const LogSegment&) = delete;

  // Makes folder and file and writes the schema message. On failure nothing is left behind.
  int open(std::span<const std::byte> schema);
  // One whole message, or nothing. `parts` are used up.
  int append(std::vector<iovec>& parts, const MessageFacts& facts, int64_t now_ns);
  // What was appended is on the disk, under a name that is still there (ENOENT: somebody removed it).
  int sync();
  // Cuts off what is not known to be on the disk. Best effort. Returns how many rows went with it.
  uint64_t cut_back() noexcept;
  // Nothing more will be appended.
  void end() noexcept;
  // Syncs and renames it; one without rows is removed. After a failure it may be tried again; ENOENT: it is gone.
  int seal();

  bool is_dirty() const noexcept { return synced_bytes_ < size_bytes_; }
  uint64_t size_bytes() const noexcept { return size_bytes_; }
  uint64_t row_count() const noexcept { return facts_.rows; }
  // When the first row came; 0: none has.
  int64_t begun_ns() const noexcept { return begun_ns_; }

 private:
  int write_all(std::vector<iovec>& parts);
  int next_sequence(uint64_t& sequence);
  std::string path_of(const std::string& name) const { return directory_ + '/' + name; }

  FileLayer& files_;
  const std::string directory_;
  std::string name_;  // while it is written
  uint64_t sequence_ = 0;
  int file_ = -1;
  uint64_t size_bytes_ = 0;  // of whole messages
  uint64_t synced_bytes_ = 0;
  MessageFacts facts_;
  MessageFacts synced_facts_;
  int64_t begun_ns_ = 0;
};
}  // namespace penstock

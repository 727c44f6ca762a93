// A file system in memory that fails on command: what the log meets on a bad day, without a bad disk.
#pragma once
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <map>
#include <mutex>

#include "log/file_layer.hpp"

namespace penstock::testing {
class MemoryFiles final : public FileLayer {
 public:
  // errno of the next calls; 0: none.
  std::atomic<int> open_fault{0};
  std::atomic<int> write_fault{0};
  std::atomic<int> sync_fault{0};
  std::atomic<int> rename_fault{0};
  // Bytes that one write takes at most.
  std::atomic<size_t> write_bytes_max{SIZE_MAX};
  // Bytes until the disk is full.
  std::atomic<int64_t> room_bytes{INT64_MAX};
  std::atomic<int> syncs{0};

  // Syncs wait until it is opened.
  void shut_gate() {
    std::lock_guard lock(mutex_);
    is_open_ = false;
  }
  void open_gate() {
    std::lock_guard lock(mutex_);
    is_open_ = true;
    gate_.notify_all();
  }

  std::map<std::string, std::vector<std::byte>> files() {
    std::lock_guard lock(mutex_);
    std::map<std::string, std::vector<std::byte>> named;
    for (const auto& [path, file] : names_) named[path] = contents_[file];
    return named;
  }
  void put(const std::string& path) {
    std::lock_guard lock(mutex_);
    names_[path] = next_++;
  }
  void remove_all() {
    std::lock_guard lock(mutex_);
    names_.clear();
  }

  int make_directory(const std::string&) override { return -open_fault.load(); }
  int list(const std::string& directory, std::vector<std::string>& names) override {
    std::lock_guard lock(mutex_);
    for (const auto& [path, file] : names_)
      if (path.starts_with(directory + '/')) names.push_back(path.substr(directory.size() + 1));
    return 0;
  }
  int create(const std::string& path) override {
    std::lock_guard lock(mutex_);
    if (open_fault != 0) return -open_fault;
    if (names_.contains(path)) return -EEXIST;
    names_[path] = next_;
    contents_[next_] = {};
    return next_++;
  }
  int64_t write(int file, const iovec* parts, int count, uint64_t offset) override {
    std::lock_guard lock(mutex_);
    if (write_fault != 0) return -write_fault;
    size_t room = write_bytes_max;
    int64_t written = 0;
    for (int i = 0; i < count && room > 0; ++i) {
      const size_t bytes = std::min(parts[i].iov_len, room);
      if (room_bytes < static_cast<int64_t>(bytes)) return written > 0 ? written : -ENOSPC;
      room_bytes -= static_cast<int64_t>(bytes);
      std::vector<std::byte>& content = contents_[file];
      const size_t at = offset + static_cast<size_t>(written);
      if (content.size() < at + bytes) content.resize(at + bytes);
      if (bytes > 0) std::memcpy(content.data() + at, parts[i].iov_base, bytes);
      written += static_cast<int64_t>(bytes);
      room -= bytes;
    }
    return written;
  }
  int sync(int) override {
    std::unique_lock lock(mutex_);
    gate_.wait(lock, [&] { return is_open_; });
    ++syncs;
    return -sync_fault;
  }
  void begin_sync(int, uint64_t, uint64_t) override {}
  int truncate(int file, uint64_t bytes) override {
    std::lock_guard lock(mutex_);
    contents_[file].resize(bytes);
    return 0;
  }
  int link_count(int file) override {
    std::lock_guard lock(mutex_);
    for (const auto& [path, named] : names_)
      if (named == file) return 1;
    return 0;
  }
  int rename(const std::string& from, const std::string& to) override {
    std::lock_guard lock(mutex_);
    if (rename_fault != 0) return -rename_fault;
    const auto found = names_.find(from);
    if (found == names_.end()) return -ENOENT;
    names_[to] = found->second;
    names_.erase(from);
    return 0;
  }
  int remove(const std::string& path) override {
    std::lock_guard lock(mutex_);
    return names_.erase(path) == 1 ? 0 : -ENOENT;
  }
  void close(int) override {}

 private:
  std::mutex mutex_;
  std::condition_variable gate_;
  bool is_open_ = true;
  std::map<std::string, int> names_;
  std::map<int, std::vector<std::byte>> contents_;
  int next_ = 3;
};
}  // namespace penstock::testing

// What the log asks of a file system: the few calls that a test may let fail. All return 0 or more, or -errno.
// Thread: the log writer's.
#pragma once
#include <sys/uio.h>

#include <cstdint>
#include <string>
#include <vector>

namespace penstock {
class FileLayer {
 public:
  virtual ~FileLayer() = default;

  // With its parents; there already is fine.
  virtual int make_directory(const std::string& path) = 0;
  virtual int list(const std::string& directory, std::vector<std::string>& names) = 0;
  // A new file for writing: one that is there already is EEXIST.
  virtual int create(const std::string& path) = 0;
  // May write less than requested.
  virtual int64_t write(int file, const iovec* parts, int count, uint64_t offset) = 0;
  // Data and size are on the disk.
  virtual int sync(int file) = 0;
  // Lets the disk begin with these bytes; nothing is promised.
  virtual void begin_sync(int file, uint64_t offset, uint64_t bytes) = 0;
  virtual int truncate(int file, uint64_t bytes) = 0;
  // Names that the file has; 0: somebody has removed it.
  virtual int link_count(int file) = 0;
  virtual int rename(const std::string& from, const std::string& to) = 0;
  virtual int remove(const std::string& path) = 0;
  virtual void close(int file) = 0;

  // The operating system's.
  static FileLayer& system() noexcept;
};
}  // namespace penstock

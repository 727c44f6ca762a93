#include "log/file_layer.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace penstock {
namespace {
constexpr mode_t kDirectoryMode = 0777;
constexpr mode_t kFileMode = 0666;

int result_of(int64_t outcome) noexcept {
  return outcome < 0 ? -errno : static_cast<int>(outcome);
}

class SystemFiles final : public FileLayer {
 public:
  int make_directory(const std::string& path) override {
    for (size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
      const std::string part = path.substr(0, end);
      if (::mkdir(part.c_str(), kDirectoryMode) != 0 && errno != EEXIST) {
        // Parents may be unwritable and there nonetheless.
        const int fault = -errno;
        if (end == std::string::npos || ::access(part.c_str(), F_OK) != 0) return fault;
      }
      if (end == std::string::npos) return 0;
    }
  }
  int list(const std::string& directory, std::vector<std::string>& names) override {
    DIR* const folder = ::opendir(directory.c_str());
    if (folder == nullptr) return -errno;
    while (const dirent* const entry = ::readdir(folder)) names.emplace_back(entry->d_name);
    ::closedir(folder);
    return 0;
  }
  int create(const std::string& path) override {
    return result_of(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kFileMode));
  }
  int64_t write(int file, const iovec* parts, int count, uint64_t offset) override {
    const ssize_t written = ::pwritev(file, parts, count, static_cast<off_t>(offset));
    return written < 0 ? -errno : written;
  }
  int sync(int file) override {
#if defined(__APPLE__)
    return result_of(::fsync(file));
#else
    return result_of(::fdatasync(file));
#endif
  }
  void begin_sync([[maybe_unused]] int file, [[maybe_unused]] uint64_t offset,
                  [[maybe_unused]] uint64_t bytes) override {
#if defined(__linux__)
    ::sync_file_range(file, static_cast<off64_t>(offset), static_cast<off64_t>(bytes), SYNC_FILE_RANGE_WRITE);
#endif
  }
  int truncate(int file, uint64_t bytes) override { return result_of(::ftruncate(file, static_cast<off_t>(bytes))); }
  int link_count(int file) override {
    struct stat facts{};
    return ::fstat(file, &facts) < 0 ? -errno : static_cast<int>(facts.st_nlink);
  }
  int rename(const std::string& from, const std::string& to) override {
    return result_of(::rename(from.c_str(), to.c_str()));
  }
  int remove(const std::string& path) override { return result_of(::unlink(path.c_str())); }
  void close(int file) override { ::close(file); }
};
}  // namespace

FileLayer& FileLayer::system() noexcept {
  static SystemFiles files;
  return files;
}
}  // namespace penstock

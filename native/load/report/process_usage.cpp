#include "load/report/process_usage.hpp"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

namespace penstock::load {
namespace {

struct Stat {
  int pid = 0;
  int parent = 0;
  double cpu_seconds = 0;
  int64_t resident_bytes = 0;
};

bool read_stat(int pid, Stat& stat) {
  const std::string path = "/proc/" + std::to_string(pid) + "/stat";
  std::FILE* file = std::fopen(path.c_str(), "re");
  if (file == nullptr) return false;
  char text[1024];
  const size_t size = std::fread(text, 1, sizeof text - 1, file);
  std::fclose(file);
  text[size] = '\0';
  // The command name may hold spaces and brackets: fields are counted from the last closing bracket.
  const char* const name_end = std::strrchr(text, ')');
  unsigned long user = 0;
  unsigned long system = 0;
  long waited_user = 0;
  long waited_system = 0;
  long pages = 0;
  if (name_end == nullptr ||
      std::sscanf(name_end + 1,
                  " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %ld %ld %*d %*d %*d %*d %*u %*u %ld",
                  &stat.parent, &user, &system, &waited_user, &waited_system, &pages) != 6) {
    return false;
  }
  const auto ticks = static_cast<double>(user + system) + static_cast<double>(waited_user + waited_system);
  stat.pid = pid;
  stat.cpu_seconds = ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
  stat.resident_bytes = int64_t{pages} * ::sysconf(_SC_PAGESIZE);
  return true;
}

std::vector<Stat> all_processes() {
  std::vector<Stat> stats;
  DIR* folder = ::opendir("/proc");
  if (folder == nullptr) return stats;
  while (const dirent* entry = ::readdir(folder)) {
    int pid = 0;
    const char* const end = entry->d_name + std::strlen(entry->d_name);
    if (std::from_chars(entry->d_name, end, pid).ptr != end) continue;
    Stat stat;
    if (read_stat(pid, stat)) stats.push_back(stat);
  }
  ::closedir(folder);
  return stats;
}

double seconds_of(const timeval& time) noexcept {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

}  // namespace

ProcessUsage usage_of(int pid) {
  Stat root;
  if (pid == 0 || !read_stat(pid, root)) return {};
  ProcessUsage usage{root.cpu_seconds, root.resident_bytes};
  const std::vector<Stat> stats = all_processes();
  std::vector<int> tree{pid};
  for (size_t at = 0; at < tree.size(); ++at) {
    for (const Stat& stat : stats) {
      if (stat.parent != tree[at] || stat.pid == pid) continue;
      tree.push_back(stat.pid);
      usage.cpu_seconds += stat.cpu_seconds;
      usage.resident_bytes += stat.resident_bytes;
    }
  }
  return usage;
}

double own_cpu_seconds() noexcept {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
}

}  // namespace penstock::load

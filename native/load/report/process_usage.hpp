// What a process and its children cost: CPU time and resident memory from /proc (proc(5)), all threads included.
// Servers in the field fork workers, so the whole tree below the process counts. Children are looked up anew at each
// reading; one that ended in between is counted through its parent's waited-for time.
#pragma once

#include <cstdint>

namespace penstock::load {

struct ProcessUsage {
  double cpu_seconds = -1;  // user + system; -1: unknown
  int64_t resident_bytes = -1;
};

// What process `pid` and all its descendants use; unknown when pid is 0 or nobody has it.
ProcessUsage usage_of(int pid);

// CPU seconds of this process.
double own_cpu_seconds() noexcept;

}  // namespace penstock::load

// A request that has settled and is to be logged. Where all its rows lie in one entry of a batch of a simple plan
// (Plan::is_log_simple), that entry: then nothing else of the request need be looked at.
#pragma once
#include <cstdint>

namespace penstock {
class Batch;
struct Request;

struct LogItem {
  Request* request = nullptr;
  const Batch* batch = nullptr;
  uint32_t entry = 0;
};
}  // namespace penstock

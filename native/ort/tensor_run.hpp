// A run on tensors that somebody brings: what has strings, checks of single rows, runs that warm a session up.
#pragma once
#include <string>
#include <vector>

#include "batch/run_stop.hpp"
#include "ort/session.hpp"

namespace penstock::ort {
struct GivenTensor {
  size_t input = 0;  // of the session
  int element_type = 0;
  std::vector<int64_t> dims;
  const std::byte* data = nullptr;  // lent until the run is over; null for strings
  size_t size_bytes = 0;
  std::vector<std::string> strings;  // of any bytes, 0 among them
};

struct ResultTensor {
  int element_type = 0;
  std::vector<int64_t> dims;
  std::vector<std::byte> bytes;
  std::vector<std::string> strings;
};

// Runs the session on `inputs`, and copies every output. Empty, or why not. `stop`: by which another thread may end the
// run; null: none may.
std::string run_tensors(const Session& session, const std::vector<GivenTensor>& inputs, RunStop* stop,
                        std::vector<ResultTensor>& results);

// What a value is, read from ONNX Runtime. False with the text in `refusal`.
struct ValueInfo {
  int element_type = 0;
  size_t element_count = 0;
  std::vector<int64_t> dims;
};
bool read_value_info(const Api& api, const Value* value, ValueInfo& info, std::string& refusal);
}  // namespace penstock::ort

// Runs rows of the batch in hand on the batch's own memory: inputs lie there, and outputs whose place is known are
// written there. Outputs whose shape shows only then are ONNX Runtime's, and copied once. A batch with more rows than
// one run should have is run in parts, one after the other on the same memory.
//
// One runner a worker; it keeps what every run needs anew. Thread: the worker's, but for the end of a run
// (run_stop.hpp).
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "batch/batch.hpp"
#include "ort/session.hpp"
#include "ort/stoppable.hpp"
#include "queue/worker.hpp"

namespace penstock::ort {
// Rows [first, first + count) of a batch, `part_rows_max` in one run.
struct RunRows {
  uint32_t first = 0;
  uint32_t count = 0;
  uint32_t part_rows_max = 1;
};

class BatchRunner {
 public:
  explicit BatchRunner(const Library& library);
  ~BatchRunner();
  // Empty, or why they were not run: ONNX Runtime's text, or a sentence of ours. Outputs of earlier parts stay.
  std::string run(const Session& session, WorkerSlot& slot, const RunRows& rows);

 private:
  class BatchStop;
  bool run_part(const Session& session, WorkerSlot& slot, uint32_t first, uint32_t count, std::string& refusal);
  bool bind(const Session& session, const Batch& batch, uint32_t first, uint32_t count, std::string& refusal);
  bool bind_tensor(const TensorLayout& tensor, Batch& batch, uint32_t first, uint32_t count, Value** value,
                   std::string& refusal);
  bool take_outputs(const Session& session, Batch& batch, uint32_t first, uint32_t count, std::string& refusal);
  bool take_output(const char* name, size_t output, Value* value, Batch& batch, uint32_t first, uint32_t count,
                   std::string& refusal);
  void release_values() noexcept;

  const Library& library_;
  std::unique_ptr<BatchStop> stop_;
  std::vector<Value*> inputs_;
  std::vector<Value*> outputs_;
  std::vector<int64_t> dims_;
};
}  // namespace penstock::ort

// A call of ONNX Runtime that another thread may end: the flag that it looks at between the nodes of a graph, those of
// loops among them. One long node is not ended.
#pragma once
#include <string>

#include "batch/run_stop.hpp"
#include "ort/owned.hpp"

namespace penstock::ort {
// What a run that was ended says; the text of a failure.
inline constexpr const char* kStoppedText = "the run took too long and was ended";

class Stoppable : public StoppableRun {
 public:
  explicit Stoppable(const Library& library) : api_(library.api()), options_(library.api()) {}
  // Once, before it is used. False with the text in `refusal`.
  bool prepare(std::string& refusal) { return !take_failure(api_, api_.create_run_options(options_.place()), refusal); }
  const RunOptions* options() const noexcept { return options_.get(); }
  void stop() noexcept override {
    std::string text;
    take_failure(api_, api_.set_terminate(options_.get()), text);
  }

 private:
  const Api& api_;
  OwnedRunOptions options_;
};
}  // namespace penstock::ort

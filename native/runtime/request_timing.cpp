#include "runtime/request_timing.hpp"

#include <algorithm>

#include "core/boundary_codes.hpp"
#include "runtime/request.hpp"

namespace penstock {
void note_step(Request& request, int64_t handed_ns) {
  const Stage& stage = request.plan->stages[request.stage];
  for (const Segment& segment : request.segments) {
    if (segment.stage != request.stage || segment.batch == nullptr) continue;
    if (stage.positions[segment.position].is_background) continue;
    const uint16_t option = segment.batch->entries[segment.entry].option;
    const BatchTimestamps& timestamps = segment.batch->timestamps;
    const auto known = std::find_if(request.steps.begin(), request.steps.end(), [&](const StepTiming& step) {
      return step.stage == segment.stage && step.position == segment.position && step.option == option;
    });
    if (known != request.steps.end() && known->run_end_ns >= timestamps.run_end_ns) continue;
    const StepTiming step{segment.stage,           segment.position,      option,   request.due_ns, timestamps.taken_ns,
                          timestamps.run_start_ns, timestamps.run_end_ns, handed_ns};
    if (known == request.steps.end())
      request.steps.push_back(step);
    else
      *known = step;
  }
}

const std::string& label_of(const Plan& plan, const StepTiming& step) noexcept {
  return plan.stages[step.stage].positions[step.position].options[step.option].label;
}

size_t timing_length(const Request& request) noexcept {
  return TimingHeadSlot::kLength + TimingStepSlot::kLength * request.steps.size();
}

void write_timing(const Request& request, int64_t written_ns, double* values) {
  const auto span_us = [](int64_t from_ns, int64_t to_ns) {
    return static_cast<double>(std::max<int64_t>(0, to_ns - from_ns)) / 1000.0;
  };
  values[TimingHeadSlot::kTotal] = span_us(request.admitted_ns, written_ns);
  values[TimingHeadSlot::kSend] = span_us(request.ready_ns, written_ns);
  double* target = values + TimingHeadSlot::kLength;
  for (const StepTiming& step : request.steps) {
    target[TimingStepSlot::kStep] = step.stage;
    target[TimingStepSlot::kQueue] = span_us(step.due_ns, step.taken_ns);
    target[TimingStepSlot::kAssemble] = span_us(step.taken_ns, step.run_start_ns);
    target[TimingStepSlot::kRun] = span_us(step.run_start_ns, step.run_end_ns);
    target[TimingStepSlot::kScatter] =
        span_us(step.run_end_ns, step.handed_ns == 0 ? request.ready_ns : step.handed_ns);
    target += TimingStepSlot::kLength;
  }
}
}  // namespace penstock

#include "load/plan/schedule.hpp"

namespace penstock::load {

std::vector<Interval> intervals_of(const Plan& plan) {
  std::vector<Interval> intervals;
  double phase_start = 0;
  for (size_t phase = 0; phase < plan.phases.size(); ++phase) {
    const double phase_end = phase_start + plan.phases[phase].seconds;
    double start = phase_start;
    while (phase_end - start > 1.1 * plan.interval_seconds) {
      intervals.push_back({start, start + plan.interval_seconds, phase, false});
      start += plan.interval_seconds;
    }
    intervals.push_back({start, phase_end, phase, true});
    phase_start = phase_end;
  }
  return intervals;
}

}  // namespace penstock::load

// When things are: the phases one after the other, cut into intervals. An interval never spans two phases, so that each
// is warm-up or not; a rest shorter than a tenth of an interval joins the one before. Seconds since the first phase.
#pragma once

#include <cstddef>
#include <vector>

#include "load/plan/plan.hpp"

namespace penstock::load {

struct Interval {
  double start_seconds = 0;
  double end_seconds = 0;
  size_t phase = 0;
  bool is_last_of_phase = false;
};

std::vector<Interval> intervals_of(const Plan& plan);

}  // namespace penstock::load

#include "load/report/counters.hpp"

#include <algorithm>

namespace penstock::load {

void KindCounters::add(const KindCounters& other) {
  latency.add(other.latency);
  answered.add(other.answered);
  failed.add(other.failed);
  requests += other.requests;
  rows += other.rows;
  failures += other.failures;
  mismatches += other.mismatches;
  if (first_failure.empty()) first_failure = other.first_failure;
}

void Counters::add(const Counters& other) {
  for (size_t kind = 0; kind < kinds_.size(); ++kind) kinds_[kind].add(other.kinds_[kind]);
  rest_.add(other.rest_);
  due += other.due;
  messages += other.messages;
  last_answer_ns = std::max(last_answer_ns, other.last_answer_ns);
}

}  // namespace penstock::load

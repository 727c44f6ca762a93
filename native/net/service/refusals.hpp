// Failure messages of an overloaded server, as JavaScript rendered them once. Under overload most requests end as a
// refusal: those for the same reason within a few milliseconds share one message, with the figures of the first, and
// only channel and request differ. The sentence is written in one place, src/engine/requests/failures.ts; here it is
// patched. The rule of src/engine/requests/recent-refusals.ts. Thread: whoever holds the service's lock.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

#include "core/failure.hpp"

namespace penstock::net::service {
struct RefusalTemplate {
  Failure failure;  // what it says
  std::vector<std::byte> message;
  size_t channel_at = 0;  // where the message has them, four bytes each
  size_t request_at = 0;
  int64_t until_us = 0;
};

class Refusals {
 public:
  static constexpr int64_t kLimitStep = 500;  // limits and budgets this close share a message
  static constexpr size_t kTemplatesMax = 8;  // a server has few reasons at a time

  // Takes the place of the one with the same reason, else of the oldest.
  void keep(RefusalTemplate refusal) {
    size_t at = 0;
    while (at < templates_.size() && !is_same(templates_[at].failure, refusal.failure)) ++at;
    if (at == templates_.size() && at == kTemplatesMax) at = next_++ % kTemplatesMax;
    if (at == templates_.size()) templates_.emplace_back();
    templates_[at] = std::move(refusal);
  }

  // The message for this request, valid until the next call; empty: JavaScript has to write it.
  std::span<const std::byte> message_of(const Failure& failure, uint32_t channel, uint32_t request, int64_t now_us) {
    for (RefusalTemplate& known : templates_) {
      if (now_us >= known.until_us || !is_same(known.failure, failure)) continue;
      std::memcpy(known.message.data() + known.channel_at, &channel, sizeof(channel));
      std::memcpy(known.message.data() + known.request_at, &request, sizeof(request));
      return known.message;
    }
    return {};
  }

 private:
  static int sign(int64_t value) noexcept { return (value > 0) - (value < 0); }
  // By what decides between sentences, and the limit that was reached: the second number of all of these failures.
  static bool is_same(const Failure& a, const Failure& b) noexcept {
    return a.code == b.code && sign(a.details[0]) == sign(b.details[0]) && sign(a.details[3]) == sign(b.details[3]) &&
           std::abs(a.details[1] - b.details[1]) <= kLimitStep;
  }

  std::vector<RefusalTemplate> templates_;
  size_t next_ = 0;
};
}  // namespace penstock::net::service

// The limits of a caller, with times of our own.
#include "core/caller_limit.hpp"

#include "test/testing.hpp"

using namespace penstock;

namespace {
constexpr int64_t kMs = 1000 * 1000;
constexpr int64_t kStart = 5'000'000 * kMs;
// 100 requests a second, one second's worth at once.
CallerLimit hundred_a_second() {
  return CallerLimit(10 * kMs, 100, 0);
}
}  // namespace

TEST("rate: a full bucket lets its burst through at once, and the next request after exactly one period") {
  CallerLimit limit = hundred_a_second();
  for (int i = 0; i < 100; ++i) CLAIM(limit.try_take(kStart) == 0);
  CLAIM(limit.try_take(kStart) == 10 * kMs);
  CLAIM(limit.try_take(kStart + 10 * kMs - 1) == 1);
  CLAIM(limit.try_take(kStart + 10 * kMs) == 0);
  CLAIM(limit.try_take(kStart + 10 * kMs) == 10 * kMs);
}

TEST("rate: a refusal costs nothing, and rest refills to one burst and no more") {
  CallerLimit limit = hundred_a_second();
  for (int i = 0; i < 100; ++i) CLAIM(limit.try_take(kStart) == 0);
  for (int i = 0; i < 1000; ++i) CLAIM(limit.try_take(kStart) == 10 * kMs);
  const int64_t later = kStart + 3600 * 1000 * kMs;
  for (int i = 0; i < 100; ++i) CLAIM(limit.try_take(later) == 0);
  CLAIM(limit.try_take(later) == 10 * kMs);
}

TEST("rate: over any time no more pass than the rate and one burst") {
  CallerLimit limit = hundred_a_second();
  int passed = 0;
  for (int64_t now = kStart; now <= kStart + 10'000 * kMs; now += kMs) passed += limit.try_take(now) == 0 ? 1 : 0;
  CLAIM(passed == 100 + 1000);
}

TEST("rate: less than one a second lets one through at a time") {
  CallerLimit limit(60'000 * kMs, 1, 0);
  CLAIM(limit.try_take(kStart) == 0);
  CLAIM(limit.try_take(kStart + kMs) == 59'999 * kMs);
  CLAIM(limit.try_take(kStart + 60'000 * kMs) == 0);
}

TEST("rate: what is given back was never taken") {
  CallerLimit limit(60'000 * kMs, 1, 0);
  CLAIM(limit.try_take(kStart) == 0);
  limit.give_back();
  CLAIM(limit.in_flight() == 0);
  CLAIM(limit.try_take(kStart) == 0);
  CLAIM(limit.try_take(kStart) > 0);
}

TEST("concurrency: as many as may are in flight, and one more when one is released; refusals take no token") {
  CallerLimit limit(10 * kMs, 4, 3);
  for (int i = 0; i < 3; ++i) CLAIM(limit.try_take(kStart) == 0);
  for (int i = 0; i < 10; ++i) CLAIM(limit.try_take(kStart) == CallerLimit::kBusy);
  limit.release(1);
  CLAIM(limit.try_take(kStart) == 0);
  CLAIM(limit.in_flight() == 3);
  limit.release(3);
  CLAIM(limit.in_flight() == 0);
  CLAIM(limit.try_take(kStart) > 0);
}

TEST("neither: everything passes and is counted") {
  CallerLimit limit(0, 1, 0);
  for (int i = 0; i < 1000; ++i) CLAIM(limit.try_take(kStart) == 0);
  CLAIM(limit.in_flight() == 1000);
}

int main() {
  return testing::run_all();
}

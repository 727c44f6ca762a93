// The budget of bytes: what fits, what does not, and that nothing is counted for what was refused.
#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "core/byte_budget.hpp"
#include "test/testing.hpp"

using penstock::ByteBudget;
using penstock::testing::run_all;

TEST("byte budget: what does not fit is refused and not counted") {
  ByteBudget budget(100);
  CLAIM(budget.try_charge(60));
  CLAIM(!budget.try_charge(41));
  CLAIM(budget.used_bytes() == 60);
  CLAIM(budget.try_charge(40));
  CLAIM(!budget.try_charge(1));
  CLAIM(budget.try_charge(0));
  budget.release(100);
  CLAIM(budget.used_bytes() == 0);
}

// What limits one thing is a limit of its own: an empty server takes it.
TEST("byte budget: while nothing is held anything fits") {
  ByteBudget budget(100);
  CLAIM(budget.try_charge(500));
  CLAIM(!budget.try_charge(1));
  budget.release(500);
  budget.charge(500);
  CLAIM(budget.used_bytes() == 500);
}

TEST("byte budget: several threads never hold more than it has") {
  ByteBudget budget(64);
  std::atomic<int64_t> held{0};
  std::atomic<int64_t> most{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 20'000; ++i) {
        if (!budget.try_charge(16)) continue;
        const int64_t now = held.fetch_add(16) + 16;
        int64_t seen = most.load();
        while (now > seen && !most.compare_exchange_weak(seen, now)) {
        }
        held.fetch_sub(16);
        budget.release(16);
      }
    });
  for (std::thread& thread : threads) thread.join();
  CLAIM(budget.used_bytes() == 0);
  CLAIM(most.load() <= 64);
}

int main() {
  return run_all();
}

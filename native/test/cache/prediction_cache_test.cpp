// The prediction cache by itself: which keys are one, what it holds and for how long, and many threads at once.
#include "cache/prediction_cache.hpp"

#include <atomic>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <thread>

#include "test/testing.hpp"

using namespace penstock;

namespace {
// One input of floats, [rows, values / rows].
struct Input {
  std::vector<float> values;
  uint32_t rows = 1;
  std::vector<int64_t> dims{};
  std::vector<uint16_t> routes{};
  const std::byte* data = nullptr;
  size_t row_bytes = 0;

  CacheKey key() {
    data = reinterpret_cast<const std::byte*>(values.data());
    row_bytes = values.size() * 4 / rows;
    return {
        .rows = rows, .free_dims = dims, .routes = routes, .inputs = &data, .row_bytes = &row_bytes, .input_count = 1};
  }
};

struct Fixture {
  std::shared_ptr<ByteBudget> budget;
  PredictionCache cache;
  explicit Fixture(CacheOptions options = {1'000, 1 << 20}, int64_t budget_bytes = int64_t{1} << 30)
      : budget(std::make_shared<ByteBudget>(budget_bytes)), cache(budget, *budget, options, {1, 2}) {}

  bool has(Input input, int64_t now_ns = 0) { return cache.find(input.key(), now_ns).answer != nullptr; }
  // False: no draft. The answer has `bytes` bytes of values.
  bool put(Input input, size_t bytes = 64, int64_t now_ns = 0, uint64_t* evicted = nullptr) {
    const CacheKey key = input.key();
    auto draft = cache.draft(key, cache.find(key, now_ns).hash).answer;
    if (draft == nullptr || !PredictionCache::reserve(*draft, bytes)) return false;
    draft->tensors.push_back({draft->values->data(), Dtype::kFloat32, bytes, {static_cast<int64_t>(bytes / 4)}});
    const uint64_t count = cache.keep(std::move(draft), now_ns);
    if (evicted != nullptr) *evicted = count;
    return true;
  }
};
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
}  // namespace

TEST("prediction cache: finds what was kept under the same bits, NaN too, and nothing under others") {
  Fixture fixture;
  CLAIM(fixture.put({{1, kNan}}));
  CLAIM(fixture.has({{1, kNan}}));
  CLAIM(!fixture.has({{1, -kNan}}));
  CLAIM(!fixture.has({{1, 2}}));
  CLAIM(fixture.put({{0.0F, 3}}));
  CLAIM(fixture.has({{0.0F, 3}}) && !fixture.has({{-0.0F, 3}}));
}

TEST("prediction cache: rows, dims and routes are of the key, not only the bytes") {
  Fixture fixture;
  CLAIM(fixture.put({{1, 2, 3, 4}, 2, {2, 1}, {0, 1}}));
  CLAIM(fixture.has({{1, 2, 3, 4}, 2, {2, 1}, {0, 1}}));
  CLAIM(!fixture.has({{1, 2, 3, 4}, 1, {2, 1}, {0, 1}}));
  CLAIM(!fixture.has({{1, 2, 3, 4}, 2, {1, 2}, {0, 1}}));
  CLAIM(!fixture.has({{1, 2, 3, 4}, 2, {2, 1}, {1, 0}}));
}

TEST("prediction cache: two inputs with one hash are not one") {
  Fixture fixture;
  Input first{{1, 2}};
  Input second{{3, 4}};
  const uint64_t hash = fixture.cache.find(second.key(), 0).hash;
  auto draft = fixture.cache.draft(first.key(), hash).answer;
  fixture.cache.keep(std::move(draft), 0);
  CLAIM(fixture.cache.entries() == 1);
  CLAIM(!fixture.has({{3, 4}}));
  CLAIM(fixture.put({{3, 4}}) && fixture.has({{3, 4}}) && fixture.cache.entries() == 1);
}

TEST("prediction cache: an answer is too old after its time, and its bytes are given back") {
  Fixture fixture({100, 1 << 20});
  CLAIM(fixture.put({{1}}, 64, 0));
  CLAIM(fixture.put({{2}}, 64, 50));
  CLAIM(fixture.has({{1}}, 99) && !fixture.has({{1}}, 100));
  CLAIM(fixture.has({{2}}, 149) && fixture.cache.entries() == 1);
  fixture.cache.trim(149);
  CLAIM(fixture.cache.entries() == 1);
  fixture.cache.trim(150);
  CLAIM(fixture.cache.entries() == 0 && fixture.cache.bytes() == 0);
  CLAIM(fixture.budget->used_bytes() == 0);
}

TEST("prediction cache: the least recently asked goes for want of room, and nothing is larger than the cache") {
  Fixture fixture({1'000, 8 << 10});
  uint64_t evicted = 0;
  for (float i = 0; i < 3; ++i) CLAIM(fixture.put({{i}}, 1536, 0, &evicted) && evicted == 0);
  CLAIM(fixture.has({{0}}));
  CLAIM(fixture.put({{3}}, 1536, 0, &evicted) && evicted == 1);
  CLAIM(fixture.has({{0}}) && !fixture.has({{1}}) && fixture.has({{2}}) && fixture.has({{3}}));
  CLAIM(fixture.cache.bytes() <= 8 << 10);
  // A key, and values, that never fit.
  CLAIM(!fixture.put({std::vector<float>(4096, 1)}));
  CLAIM(fixture.put({{9}}, 16 << 10) && !fixture.has({{9}}) && fixture.cache.entries() == 3);
  CLAIM(fixture.budget->used_bytes() == fixture.cache.bytes());
}

TEST("prediction cache: takes half of the budget at most, and gives way to itself when others hold it") {
  Fixture fixture({1'000, 1 << 20}, 16 << 10);
  for (float i = 0; i < 20; ++i) fixture.put({{i}}, 1024);
  CLAIM(fixture.cache.entries() > 0 && fixture.budget->used_bytes() <= 8 << 10);
  CLAIM(fixture.has({{19}}));
  fixture.budget->charge(8 << 10);
  CLAIM(!fixture.put({{20}}, 1024));
  fixture.budget->release(8 << 10);
  CLAIM(fixture.budget->used_bytes() == fixture.cache.bytes());
}

TEST("prediction cache: an answer in a caller's hands outlives its place, and stays charged until then") {
  Fixture fixture({1'000, 4 << 10});
  CLAIM(fixture.put({{1}}, 1024));
  auto held = fixture.cache.find(Input{{1}}.key(), 0).answer;
  for (float i = 2; i < 9; ++i) fixture.put({{i}}, 1024);
  CLAIM(!fixture.has({{1}}) && held->tensors[0].row_bytes == 1024);
  CLAIM(fixture.budget->used_bytes() > fixture.cache.bytes());
  held = nullptr;
  CLAIM(fixture.budget->used_bytes() == fixture.cache.bytes());
}

TEST("prediction cache: no key is larger than memory") {
  const std::byte* data = nullptr;
  const size_t row_bytes = std::numeric_limits<size_t>::max() / 2;
  CacheKey key{.rows = 3, .free_dims = {}, .routes = {}, .inputs = &data, .row_bytes = &row_bytes, .input_count = 1};
  CLAIM(!key.size_bytes());
  Fixture fixture;
  CLAIM(fixture.cache.draft(key, 1).answer == nullptr && fixture.budget->used_bytes() == 0);
}

TEST("prediction cache: many threads find, keep and drive out, and each finds its own") {
  Fixture fixture({1'000'000, 32 << 10});
  std::atomic<uint64_t> wrong{0};
  std::atomic<uint64_t> hits{0};
  const auto work = [&](uint32_t seed) {
    for (uint32_t i = 0; i < 20'000; ++i) {
      seed = seed * 1664525U + 1013904223U;
      Input input{{static_cast<float>(seed >> 26U)}};
      const CacheKey key = input.key();
      const auto found = fixture.cache.find(key, i);
      if (found.answer != nullptr) {
        ++hits;
        wrong += std::memcmp(found.answer->tensors[0].data, input.values.data(), 4) == 0 ? 0U : 1U;
        continue;
      }
      auto draft = fixture.cache.draft(key, found.hash).answer;
      if (draft == nullptr || !PredictionCache::reserve(*draft, 512)) continue;
      std::memcpy(draft->values->data(), input.values.data(), 4);
      draft->tensors.push_back({draft->values->data(), Dtype::kFloat32, 4, {1}});
      fixture.cache.keep(std::move(draft), i);
    }
  };
  std::vector<std::thread> threads;
  for (uint32_t i = 0; i < 4; ++i) threads.emplace_back(work, i + 1);
  for (std::thread& thread : threads) thread.join();
  CLAIM(wrong == 0 && hits > 1'000);
  CLAIM(fixture.budget->used_bytes() == fixture.cache.bytes() && fixture.cache.bytes() <= 32 << 10);
}

int main() {
  return penstock::testing::run_all();
}

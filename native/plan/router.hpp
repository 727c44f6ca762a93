// Which branch of a split each row takes.
//   random: u in [0,1) is drawn per row, or comes from meta[hash_key]: a number in [0,1] as it is, a text or an integer
//           above 1 by its hash (sticky_hash.hpp). The first branch whose cumulative weight exceeds u is taken (equal
//           weights: 0.4 -> first, 0.6 -> second).
//   key:    the text at meta[key] that equals keys[i] takes branch i + 1; anything else, or no such key, branch 0.
//   Where the key is required, a row without one is refused instead of drawn, or sent to branch 0.
// Draw n of a split is uniform(seed, n), n from one atomic counter: no lock, any thread, and a seed replays the same
// sequence.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/failure.hpp"
#include "flatbuffers/meta.hpp"

namespace penstock {
struct Split {
  bool is_random = true;
  std::vector<double> cumulative;
  uint64_t seed = 0;
  std::string key;  // hash key or split key; empty: none
  bool is_required = false;
  uint64_t hash_seed = 0;
  std::vector<std::string> keys;
  std::unique_ptr<std::atomic<uint64_t>> drawn = std::make_unique<std::atomic<uint64_t>>(0);

  size_t option_count() const noexcept { return is_random ? cumulative.size() : keys.size() + 1; }
};

// Writes `rows` branch indexes to `routes`. False with kMeta in `failure`: [split index, row, reason].
bool route_rows(const Split& split, size_t split_index, uint32_t rows, const MetaView& meta, uint16_t* routes,
                Failure& failure);
}  // namespace penstock

// Answers of a deployed pipeline version that are given again to whoever asks the same.
//
//   submit ─ find(key) ─┬─ there ──► answered from it: no row is appended, no model runs
//                       └─ not there ─ draft(key) ──► … the request runs … ──► keep(draft): the next one finds it
//
// A key is what the models would see: rows, free dims, the bytes of every input, and the branch that each split chose
// for each row. Bytes are compared as they are, never as numbers: equal bits get equal answers (NaN, too), and 0.0 and
// -0.0, of which a model may make different things, are two keys. Versions are no part of it, because each deployment
// has a cache of its own. Bounded: by options.bytes_max, beyond which the least recently asked goes, and by the
// runtime's byte budget, of which caches, like the background, take no more than half. An answer is too old after
// options.ttl_ns. Rejected: an entry a row. Rows of a request would be found here and there, and the rest would still
// have to run; a batch makes that run no cheaper than all of them. Memory: an answer belongs to the cache and to the
// requests that were answered from it. Threads: any.
#pragma once
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "contract/sip_hash.hpp"
#include "core/block.hpp"
#include "core/byte_budget.hpp"
#include "core/dtype_codes.hpp"

namespace penstock {
struct CacheOptions {
  int64_t ttl_ns = 0;
  int64_t bytes_max = 0;
};

// Lent for a call.
struct CacheKey {
  uint32_t rows = 0;
  std::span<const int64_t> free_dims;
  std::span<const uint16_t> routes;
  const std::byte* const* inputs = nullptr;
  const size_t* row_bytes = nullptr;  // of each input
  size_t input_count = 0;

  // Nothing: it is larger than memory.
  std::optional<size_t> size_bytes() const noexcept;
};

// A tensor of an answer, all rows of the request one behind the other.
struct CachedTensor {
  const std::byte* data = nullptr;  // null: a challenger was shed or failed
  Dtype dtype = Dtype::kFloat32;
  size_t row_bytes = 0;
  std::vector<int64_t> dims{};
};

// Immutable once it is kept.
class CachedAnswer {
 public:
  CachedAnswer(ByteBudget& budget, uint64_t hash, std::shared_ptr<Block> key, uint32_t rows);
  ~CachedAnswer();
  CachedAnswer(const CachedAnswer&) = delete;
  CachedAnswer& operator=(const CachedAnswer&) = delete;

  // Where the bytes of an input lie in the key.
  const std::byte* input(size_t index) const noexcept { return inputs_[index]; }
  bool is_of(const CacheKey& key) const noexcept;

  const uint32_t rows;
  std::vector<CachedTensor> tensors;  // as Plan::cached_sources
  std::shared_ptr<Block> values;      // of those that do not lie in the key; null: none
  std::vector<uint64_t> check_bits;   // by row; empty: no check failed
  uint64_t lost_positions = 0;

 private:
  friend class PredictionCache;
  int64_t size_bytes() const noexcept;

  ByteBudget& budget_;
  const uint64_t hash_;
  const std::shared_ptr<Block> key_;
  std::vector<const std::byte*> inputs_;
  int64_t charged_bytes_ = 0;
  int64_t expires_ns_ = 0;
};

class PredictionCache {
 public:
  // `owner`: of the budget, which answers give their bytes back to.
  PredictionCache(std::shared_ptr<void> owner, ByteBudget& budget, CacheOptions options, contract::SipKey hash_key);
  ~PredictionCache();

  struct Lookup {
    std::shared_ptr<const CachedAnswer> answer;  // null: there is none
    uint64_t hash = 0;
  };
  struct Draft {
    std::shared_ptr<CachedAnswer> answer;  // null: it is too large, or others use the budget up
    uint64_t evicted = 0;                  // how many it drove out
  };
  Lookup find(const CacheKey& key, int64_t now_ns);

  // An answer that is to be filled and kept; it has a copy of the key.
  Draft draft(const CacheKey& key, uint64_t hash);
  // Memory for the values of a draft. False: there is none.
  static bool reserve(CachedAnswer& draft, size_t bytes) noexcept;
  // The draft is filled. Returns how many others it drove out; it is dropped itself where it does not fit.
  uint64_t keep(std::shared_ptr<CachedAnswer> draft, int64_t now_ns);
  // Drops what is too old; for a timer, for nobody may ask for it any more.
  void trim(int64_t now_ns);

  int64_t bytes() const;
  size_t entries() const;
  const CacheOptions options;

 private:
  using Answers = std::list<std::shared_ptr<CachedAnswer>>;
  // By when they were asked for last, the latest first; and by age, the oldest first.
  struct Place {
    Answers::iterator recent;
    std::list<CachedAnswer*>::iterator aged;
  };
  using Places = std::unordered_map<uint64_t, Place>;
  // What is taken out is freed when the mutex is.
  void take_out(Places::iterator place, Answers& gone);
  void expire(int64_t now_ns, size_t limit, Answers& gone);
  // The least recently asked. False: there is none.
  bool evict_one(uint64_t& evicted);
  // Charges the budget, and drives answers out for it, but none for what others use up.
  bool try_charge(int64_t bytes, uint64_t& evicted);

  const std::shared_ptr<void> owner_;
  ByteBudget& budget_;
  const contract::SipKey hash_key_;
  mutable std::mutex mutex_;
  Answers recent_;
  std::list<CachedAnswer*> aged_;
  Places places_;
  int64_t bytes_ = 0;
};
}  // namespace penstock

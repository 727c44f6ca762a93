#include "cache/prediction_cache.hpp"

#include <cstring>
#include <limits>
#include <new>
#include <utility>

#include "core/assert.hpp"

namespace penstock {
namespace {
// What an answer takes beside its bytes: itself, its places in the lists and the table, and the heap's own.
constexpr int64_t kOverheadBytes = 640;
// Answers that a call frees because they are too old: its caller waits for it.
constexpr size_t kExpiredPerCall = 8;

std::string_view text_of(const void* data, size_t bytes) noexcept {
  return {static_cast<const char*>(data), bytes};
}

// Calls visit(bytes) for the parts of a key, in order.
template <typename Visit>
void for_each_part(const CacheKey& key, Visit&& visit) {
  visit(text_of(&key.rows, sizeof key.rows));
  visit(text_of(key.free_dims.data(), key.free_dims.size_bytes()));
  visit(text_of(key.routes.data(), key.routes.size_bytes()));
  for (size_t i = 0; i < key.input_count; ++i) visit(text_of(key.inputs[i], key.row_bytes[i] * key.rows));
}
}  // namespace

std::optional<size_t> CacheKey::size_bytes() const noexcept {
  size_t bytes = align_up(sizeof rows + free_dims.size_bytes() + routes.size_bytes(), kAlignmentBytes);
  for (size_t i = 0; i < input_count; ++i) {
    size_t input = 0;
    if (__builtin_mul_overflow(row_bytes[i], size_t{rows}, &input) ||
        __builtin_add_overflow(bytes, align_up(input, kAlignmentBytes), &bytes) || bytes > PTRDIFF_MAX)
      return std::nullopt;
  }
  return bytes;
}

CachedAnswer::CachedAnswer(ByteBudget& budget, uint64_t hash, std::shared_ptr<Block> key, uint32_t row_count)
    : rows(row_count), budget_(budget), hash_(hash), key_(std::move(key)) {}

CachedAnswer::~CachedAnswer() {
  budget_.release(charged_bytes_);
}

bool CachedAnswer::is_of(const CacheKey& key) const noexcept {
  const auto size = key.size_bytes();
  if (!size || *size != key_->size_bytes() || key.input_count != inputs_.size()) return false;
  const std::byte* at = key_->data();
  size_t part = 0;
  bool is_same = true;
  for_each_part(key, [&](std::string_view bytes) {
    if (part >= 3) at = inputs_[part - 3];
    ++part;
    is_same = is_same && (bytes.empty() || std::memcmp(at, bytes.data(), bytes.size()) == 0);
    at += bytes.size();
  });
  return is_same;
}

int64_t CachedAnswer::size_bytes() const noexcept {
  size_t bytes = key_->size_bytes() + (values == nullptr ? 0 : values->size_bytes());
  bytes += check_bits.size() * sizeof(uint64_t) + inputs_.size() * sizeof(void*);
  for (const CachedTensor& tensor : tensors) bytes += sizeof tensor + tensor.dims.size() * sizeof(int64_t) + 32;
  return static_cast<int64_t>(bytes) + kOverheadBytes;
}

PredictionCache::PredictionCache(std::shared_ptr<void> owner, ByteBudget& budget, CacheOptions cache_options,
                                 contract::SipKey hash_key)
    : options(cache_options), owner_(std::move(owner)), budget_(budget), hash_key_(hash_key) {}

PredictionCache::~PredictionCache() = default;

PredictionCache::Lookup PredictionCache::find(const CacheKey& key, int64_t now_ns) {
  Lookup lookup;
  // Each part under a key of its own, made of what came before: none can run into the next one.
  contract::SipKey part_key = hash_key_;
  for_each_part(key, [&](std::string_view bytes) {
    part_key.first ^= contract::sip_hash(part_key, bytes);
    ++part_key.second;
  });
  lookup.hash = part_key.first;
  Answers gone;
  {
    std::lock_guard lock(mutex_);
    expire(now_ns, kExpiredPerCall, gone);
    const auto place = places_.find(lookup.hash);
    if (place == places_.end() || (*place->second.recent)->expires_ns_ <= now_ns) return lookup;
    recent_.splice(recent_.begin(), recent_, place->second.recent);
    lookup.answer = recent_.front();
  }
  // Two inputs with one hash: the later one takes the place.
  if (!lookup.answer->is_of(key)) lookup.answer = nullptr;
  return lookup;
}

PredictionCache::Draft PredictionCache::draft(const CacheKey& key, uint64_t hash) {
  Draft draft;
  const auto size = key.size_bytes();
  if (!size || static_cast<int64_t>(*size) > options.bytes_max - kOverheadBytes) return draft;
  const int64_t bytes = static_cast<int64_t>(*size) + kOverheadBytes;
  {
    std::lock_guard lock(mutex_);
    if (!try_charge(bytes, draft.evicted)) return draft;
  }
  std::shared_ptr<Block> block = Block::try_make(*size);
  if (block == nullptr) {
    budget_.release(bytes);
    return draft;
  }
  std::byte* at = block->data();
  auto& answer = draft.answer;
  answer = std::make_shared<CachedAnswer>(budget_, hash, std::move(block), key.rows);
  answer->charged_bytes_ = bytes;
  answer->inputs_.reserve(key.input_count);
  size_t part = 0;
  for_each_part(key, [&](std::string_view from) {
    if (part >= 3) {
      const auto used = static_cast<size_t>(at - answer->key_->data());
      at = answer->key_->data() + align_up(used, kAlignmentBytes);
      answer->inputs_.push_back(at);
    }
    ++part;
    if (!from.empty()) std::memcpy(at, from.data(), from.size());
    at += from.size();
  });
  PENSTOCK_ASSERT(at <= answer->key_->data() + *size);
  return draft;
}

bool PredictionCache::reserve(CachedAnswer& draft, size_t bytes) noexcept {
  if (bytes > 0) draft.values = Block::try_make(bytes);
  return bytes == 0 || draft.values != nullptr;
}

void PredictionCache::take_out(Places::iterator place, Answers& gone) {
  bytes_ -= (*place->second.recent)->charged_bytes_;
  aged_.erase(place->second.aged);
  gone.splice(gone.end(), recent_, place->second.recent);
  places_.erase(place);
}

// All live equally long, so that the oldest is the first to go.
void PredictionCache::expire(int64_t now_ns, size_t limit, Answers& gone) {
  for (size_t count = 0; count < limit && !aged_.empty() && aged_.front()->expires_ns_ <= now_ns; ++count)
    take_out(places_.find(aged_.front()->hash_), gone);
}

bool PredictionCache::evict_one(uint64_t& evicted) {
  if (recent_.empty()) return false;
  Answers gone;
  take_out(places_.find(recent_.back()->hash_), gone);
  ++evicted;
  return true;
}

bool PredictionCache::try_charge(int64_t bytes, uint64_t& evicted) {
  const int64_t before = bytes_;
  while (!budget_.try_charge(bytes, budget_.background_limit_bytes()))
    if (before - bytes_ >= bytes || !evict_one(evicted)) return false;
  return true;
}

uint64_t PredictionCache::keep(std::shared_ptr<CachedAnswer> draft, int64_t now_ns) {
  const int64_t bytes = draft->size_bytes();
  if (bytes > options.bytes_max) return 0;
  const int64_t rest = bytes - draft->charged_bytes_;
  PENSTOCK_ASSERT(rest >= 0);
  Answers gone;
  uint64_t evicted = 0;
  std::lock_guard lock(mutex_);
  if (const auto known = places_.find(draft->hash_); known != places_.end()) take_out(known, gone);
  while (bytes_ + bytes > options.bytes_max && evict_one(evicted)) {
  }
  if (!try_charge(rest, evicted)) return evicted;
  draft->charged_bytes_ = bytes;
  draft->expires_ns_ = now_ns > std::numeric_limits<int64_t>::max() - options.ttl_ns
                           ? std::numeric_limits<int64_t>::max()
                           : now_ns + options.ttl_ns;
  const uint64_t hash = draft->hash_;
  aged_.push_back(draft.get());
  recent_.push_front(std::move(draft));
  places_[hash] = {recent_.begin(), std::prev(aged_.end())};
  bytes_ += bytes;
  return evicted;
}

void PredictionCache::trim(int64_t now_ns) {
  Answers gone;
  std::lock_guard lock(mutex_);
  expire(now_ns, std::numeric_limits<size_t>::max(), gone);
}

int64_t PredictionCache::bytes() const {
  std::lock_guard lock(mutex_);
  return bytes_;
}

size_t PredictionCache::entries() const {
  std::lock_guard lock(mutex_);
  return places_.size();
}
}  // namespace penstock

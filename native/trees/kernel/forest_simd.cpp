// forest.hpp in vectors: rows are lanes. A group is what a vector holds; kGroups of them share each test of a word, so
// that its threshold and mask are read once. Walks have no vectors (gathers took 2 to 7 times as long): 16 rows of a
// tail, or 8 trees of a lone row, take turns instead, so that the memory's latency of one is the work of the others.
#include "kernel/simd.hpp"
#include "trees/kernel/forest.hpp"

namespace penstock::kernel::PENSTOCK_SIMD_NAMESPACE {
namespace {
constexpr size_t kGroupsMax = 4;  // 64, 32 or 16 rows
constexpr size_t kTailRowsMax = 16;
// Trees that take turns for a lone row: as many as registers hold, or more where their nodes come from a farther cache.
constexpr size_t kRowTreesNear = 8, kRowTreesFar = 16;
constexpr size_t kNearBytesMax = 512 * 1024;
constexpr size_t kLineBytes = 64;
constexpr size_t kTailBytesMax = 8192;  // of the next tree that are fetched while rows walk in this one
static_assert(kBlockRows % (kGroupsMax * kLanes) == 0);

typedef int32_t IntsAnywhere __attribute__((vector_size(kVectorBytes), aligned(4), may_alias));

static inline Ints load_keys(const int32_t* keys) noexcept {
  return *reinterpret_cast<const IntsAnywhere*>(keys);
}
static inline void add_to(float* scores, Floats values) noexcept {
  const Floats sums = load(scores) + values;
  __builtin_memcpy(scores, &sums, sizeof(sums));
}

// bits without those that `lost` takes where key > threshold.
static inline Words without(Words bits, Ints key, Ints threshold, Words lost) noexcept {
#if defined(__AVX512F__)
  const __mmask16 fails = _mm512_cmpgt_epi32_mask(reinterpret_cast<__m512i>(key), reinterpret_cast<__m512i>(threshold));
  return reinterpret_cast<Words>(_mm512_mask_andnot_epi32(
      reinterpret_cast<__m512i>(bits), fails, reinterpret_cast<__m512i>(lost), reinterpret_cast<__m512i>(bits)));
#else
  return bits & ~(reinterpret_cast<Words>(key > threshold) & lost);
#endif
}

// The place of the lowest bit, which is there: a power of two is its own exponent as a float (of -2^31 as well).
static inline Words lowest_bit(Words bits) noexcept {
  const Words lowest = bits & (Words{} - bits);
  const Floats power = __builtin_convertvector(reinterpret_cast<Ints>(lowest), Floats);
  return ((reinterpret_cast<Words>(power) >> 23) & 0xff) - 127;
}

// exits[g]: the leaf of each row; of a top, the exit.
template <size_t kGroups>
static inline void find_exits(Words (&exits)[kGroups], const Forest& forest, const ForestTree& tree,
                              const int32_t* keys) noexcept {
  for (uint32_t w = tree.word_count; w-- > 0;) {
    const ForestWord& word = forest.words[tree.first_word + w];
    const ForestTest* test = forest.tests + word.first_test;
    const ForestTest* const end = test + word.test_count;
    Words bits[kGroups];
    for (Words& group : bits) group = ~Words{};
    for (; test != end; ++test) {
      const int32_t* const column = keys + size_t{test->column} * kBlockRows;
      const Ints threshold = Ints{} + test->threshold;
      const Words lost = Words{} + test->lost;
      for (size_t g = 0; g < kGroups; ++g) bits[g] = without(bits[g], load_keys(column + g * kLanes), threshold, lost);
    }
    const Words first_leaf = Words{} + w * static_cast<uint32_t>(kWordLeaves);
    if (w + 1 == tree.word_count) {
      for (size_t g = 0; g < kGroups; ++g) exits[g] = lowest_bit(bits[g]) + first_leaf;
    } else {
      for (size_t g = 0; g < kGroups; ++g) {
        const Words is_here = reinterpret_cast<Words>(bits[g] != Words{});
        exits[g] = (is_here & (lowest_bit(bits[g]) + first_leaf)) | (~is_here & exits[g]);
      }
    }
  }
}

// values[index & 31] by lane; `count` values are looked at, the others are padding.
static inline Floats pick(const float* values, Words index, uint32_t count) noexcept {
#if defined(__AVX512F__)
  const __m512i place = reinterpret_cast<__m512i>(index);
  const __m512 low = _mm512_loadu_ps(values);
  // Not the permutation of one vector: GCC warns of the operand that its header leaves undefined.
  if (count <= 16) return reinterpret_cast<Floats>(_mm512_permutex2var_ps(low, place, low));
  return reinterpret_cast<Floats>(_mm512_permutex2var_ps(low, place, _mm512_loadu_ps(values + 16)));
#elif defined(__AVX2__)
  const __m256i place = reinterpret_cast<__m256i>(index);
  const __m256 first = _mm256_permutevar8x32_ps(_mm256_loadu_ps(values), place);
  if (count <= 8) return reinterpret_cast<Floats>(first);
  const __m256 second = _mm256_permutevar8x32_ps(_mm256_loadu_ps(values + 8), place);
  const __m256 by_eight = _mm256_castsi256_ps(_mm256_slli_epi32(place, 28));
  const __m256 low = _mm256_blendv_ps(first, second, by_eight);
  if (count <= 16) return reinterpret_cast<Floats>(low);
  const __m256 third = _mm256_permutevar8x32_ps(_mm256_loadu_ps(values + 16), place);
  const __m256 fourth = _mm256_permutevar8x32_ps(_mm256_loadu_ps(values + 24), place);
  const __m256 high = _mm256_blendv_ps(third, fourth, by_eight);
  return reinterpret_cast<Floats>(_mm256_blendv_ps(low, high, _mm256_castsi256_ps(_mm256_slli_epi32(place, 27))));
#else
  static_cast<void>(count);
  Floats picked = {};
  for (size_t lane = 0; lane < kLanes; ++lane) picked[lane] = values[index[lane] & 31];
  return picked;
#endif
}

// values[index]: of the word in which the index lies.
static inline Floats pick_of_words(const float* values, Words index, const ForestTree& tree) noexcept {
  Floats picked = pick(values, index, tree.leaf_count);
  const Words word = index >> 5;
  for (uint32_t w = 1; w < tree.word_count; ++w) {
    const Words is_here = reinterpret_cast<Words>(word == Words{} + w);
    const Words other = reinterpret_cast<Words>(pick(values + w * kWordLeaves, index, kWordLeaves));
    picked = reinterpret_cast<Floats>((is_here & other) | (~is_here & reinterpret_cast<Words>(picked)));
  }
  return picked;
}

static inline const ForestNode* next_in_block(const ForestNode* node, const int32_t* keys) noexcept {
  const size_t hop = node->step + size_t{keys[size_t{node->column} * kBlockRows] > node->threshold};
  return node + hop;
}

// Rows walk on from the exits of a top until all of them have arrived. payloads[row].
template <size_t kRows>
static inline void walk_tails(int32_t* payloads, const Forest& forest, const ForestTree& tree, const uint32_t* exits,
                              const int32_t* keys) noexcept {
  const ForestNode* const first = forest.nodes + tree.first_node;
  const ForestNode* at[kRows];
  for (size_t r = 0; r < kRows; ++r) at[r] = first + forest.exits[tree.first_exit + exits[r]];
  for (size_t moved = 1; moved != 0;) {
    moved = 0;
    for (size_t r = 0; r < kRows; ++r) at[r] = next_in_block(at[r], keys + r);
    for (size_t r = 0; r < kRows; ++r) {
      moved |= at[r]->step;
      at[r] = next_in_block(at[r], keys + r);
    }
  }
  for (size_t r = 0; r < kRows; ++r) payloads[r] = at[r]->threshold;
}

// payloads[row] of kGroups groups: what the leaf carries that the row reaches from its exit.
template <size_t kGroups>
static inline void find_tails(int32_t* payloads, const Forest& forest, const ForestTree& tree,
                              const Words (&exits)[kGroups], const int32_t* keys) noexcept {
  constexpr size_t kRows = kGroups * kLanes;
  constexpr size_t kTogether = kRows < kTailRowsMax ? kRows : kTailRowsMax;
  uint32_t places[kRows];
  __builtin_memcpy(places, exits, sizeof(places));
  for (size_t r = 0; r < kRows; r += kTogether) walk_tails<kTogether>(payloads + r, forest, tree, places + r, keys + r);
}

template <size_t kGroups>
static inline void add_groups(float* scores, const Forest& forest, const ForestTree& tree,
                              const int32_t* keys) noexcept {
  constexpr size_t kRows = kGroups * kLanes;
  Words exits[kGroups] = {};
  find_exits(exits, forest, tree, keys);
  if (!tree.has_tail) {
    for (uint32_t s = 0; s < tree.slot_count; ++s) {
      const ForestSlot& slot = forest.slots[tree.first_slot + s];
      float* const target = scores + size_t{slot.target} * kBlockRows;
      for (size_t g = 0; g < kGroups; ++g)
        add_to(target + g * kLanes, pick_of_words(forest.values + slot.first_value, exits[g], tree));
    }
    return;
  }
  int32_t payloads[kRows];
  find_tails(payloads, forest, tree, exits, keys);
  if (forest.is_direct) {
    float values[kRows];
    __builtin_memcpy(values, payloads, sizeof(values));
    for (size_t r = 0; r < kRows; ++r) scores[r] += values[r];
    return;
  }
  for (uint32_t s = 0; s < tree.slot_count; ++s) {
    const ForestSlot& slot = forest.slots[tree.first_slot + s];
    float* const target = scores + size_t{slot.target} * kBlockRows;
    const float* const values = forest.values + slot.first_value;
    for (size_t r = 0; r < kRows; ++r) target[r] += values[static_cast<uint32_t>(payloads[r])];
  }
}

template <size_t kGroups>
static inline void find_groups(uint32_t* leaves, const Forest& forest, const ForestTree& tree,
                               const int32_t* keys) noexcept {
  Words exits[kGroups] = {};
  find_exits(exits, forest, tree, keys);
  if (tree.has_tail)
    find_tails(reinterpret_cast<int32_t*>(leaves), forest, tree, exits, keys);
  else
    __builtin_memcpy(leaves, exits, sizeof(exits));
}

// Groups beyond the last row would be work for nothing.
static inline size_t groups_of(size_t rows) noexcept {
  return rows > 2 * kLanes ? kGroupsMax : rows > kLanes ? 2 : 1;
}

// Rows reach the nodes of a tail in an order that no prefetcher foresees.
static inline void fetch_tail(const Forest& forest, size_t index) noexcept {
  if (index >= forest.tree_count || !forest.trees[index].has_tail) return;
  const ForestTree& tree = forest.trees[index];
  const auto* const nodes = reinterpret_cast<const char*>(forest.nodes + tree.first_node);
  const size_t bytes = (2 * size_t{tree.leaf_count} - 1) * sizeof(ForestNode);
  for (size_t at = 0; at < bytes && at < kTailBytesMax; at += kLineBytes) __builtin_prefetch(nodes + at);
}

// A tree's nodes are read once for all rows of the block.
void add_block(float* scores, const Forest& forest, const int32_t* keys, size_t rows) noexcept {
  for (size_t t = 0; t < forest.tree_count; ++t) {
    const ForestTree& tree = forest.trees[t];
    if (rows > kTailRowsMax) fetch_tail(forest, t + 1);
    for (size_t first = 0, count; first < rows; first += count * kLanes) {
      count = groups_of(rows - first);
      if (count == kGroupsMax)
        add_groups<kGroupsMax>(scores + first, forest, tree, keys + first);
      else if (count == 2)
        add_groups<2>(scores + first, forest, tree, keys + first);
      else
        add_groups<1>(scores + first, forest, tree, keys + first);
    }
  }
}

void find_block(uint32_t* leaves, const Forest& forest, size_t index, const int32_t* keys, size_t rows) noexcept {
  const ForestTree& tree = forest.trees[index];
  for (size_t first = 0, count; first < rows; first += count * kLanes) {
    count = groups_of(rows - first);
    if (count == kGroupsMax)
      find_groups<kGroupsMax>(leaves + first, forest, tree, keys + first);
    else if (count == 2)
      find_groups<2>(leaves + first, forest, tree, keys + first);
    else
      find_groups<1>(leaves + first, forest, tree, keys + first);
  }
}

static inline const ForestNode* next_of(const ForestNode* node, const int32_t* keys) noexcept {
  const size_t hop = node->step + size_t{keys[node->column] > node->threshold};
  return node + hop;
}

template <size_t kTrees>
static inline void walk_trees(int32_t* payloads, const Forest& forest, size_t first, const int32_t* keys) noexcept {
  const ForestNode* at[kTrees];
  for (size_t i = 0; i < kTrees; ++i) at[i] = forest.nodes + forest.trees[first + i].first_node;
  for (size_t moved = 1; moved != 0;) {
    moved = 0;
    for (size_t i = 0; i < kTrees; ++i) at[i] = next_of(at[i], keys);
    for (size_t i = 0; i < kTrees; ++i) {
      moved |= at[i]->step;
      at[i] = next_of(at[i], keys);
    }
  }
  for (size_t i = 0; i < kTrees; ++i) payloads[first + i] = at[i]->threshold;
}

void walk_row(int32_t* payloads, const Forest& forest, const int32_t* keys) noexcept {
  size_t t = 0;
  if (forest.node_count * sizeof(ForestNode) > kNearBytesMax)
    for (; t + kRowTreesFar <= forest.tree_count; t += kRowTreesFar)
      walk_trees<kRowTreesFar>(payloads, forest, t, keys);
  for (; t + kRowTreesNear <= forest.tree_count; t += kRowTreesNear)
    walk_trees<kRowTreesNear>(payloads, forest, t, keys);
  for (; t < forest.tree_count; ++t) walk_trees<1>(payloads, forest, t, keys);
}

void make_keys(int32_t* keys, const float* floats, size_t columns, size_t rows, int32_t nan_key) noexcept {
  for (size_t r = 0; r < rows; ++r) {
    const float value = floats[r * columns] + 0.0f;
    int32_t bits;
    __builtin_memcpy(&bits, &value, sizeof(bits));
    const int32_t key = bits ^ ((bits >> 31) & INT32_MAX);
    keys[r] = value != value ? nan_key : key;
  }
}
}  // namespace

extern const TreeKernels tree_kernels = {add_block, find_block, walk_row, make_keys};
}  // namespace penstock::kernel::PENSTOCK_SIMD_NAMESPACE

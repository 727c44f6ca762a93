// forest.hpp in vectors: rows are lanes. A group is what a vector holds; kGroups of them share each test of a word, so
// that its threshold and mask are read once. Walks have no vectors (gathers took 2 to 7 times as long): 16 rows of a
// tail, or 8 trees of a lone row, take turns instead, so that the memory's latency of one is the work of the others.
#include "kernel/simd.hpp"
#include "trees/kernel/forest.hpp"

namespace penstock::kernel::PENSTOCK_SIMD_NAMESPACE {
namespace {
constexpr size_t kGroups = 4;
constexpr size_t kLaneRows = kGroups * kLanes;  // rows that are worked on together: 64, 32 or 16
constexpr size_t kTailRows = 16;
constexpr size_t kRowTrees = 8;
static_assert(kBlockRows % kLaneRows == 0 && kBlockRows % kTailRows == 0);

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
  return node + node->step + (keys[size_t{node->column} * kBlockRows] > node->threshold ? 1 : 0);
}

// Rows walk on from the exits of a top until all of them have arrived. payloads[row].
static inline void walk_tails(int32_t* payloads, const Forest& forest, const ForestTree& tree, const uint32_t* exits,
                              const int32_t* keys) noexcept {
  const ForestNode* const first = forest.nodes + tree.first_node;
  const ForestNode* at[kTailRows];
  for (size_t r = 0; r < kTailRows; ++r) at[r] = first + forest.exits[tree.first_exit + exits[r]];
  for (size_t moved = 1; moved != 0;) {
    moved = 0;
    for (size_t r = 0; r < kTailRows; ++r) at[r] = next_in_block(at[r], keys + r);
    for (size_t r = 0; r < kTailRows; ++r) {
      moved |= at[r]->step;
      at[r] = next_in_block(at[r], keys + r);
    }
  }
  for (size_t r = 0; r < kTailRows; ++r) payloads[r] = at[r]->threshold;
}

static inline void store_exits(uint32_t* target, const Words (&exits)[kGroups]) noexcept {
  __builtin_memcpy(target, exits, sizeof(exits));
}

static inline void add_tails(float* scores, const Forest& forest, const ForestTree& tree, const Words (&exits)[kGroups],
                             const int32_t* keys) noexcept {
  uint32_t places[kLaneRows];
  store_exits(places, exits);
  for (size_t first = 0; first < kLaneRows; first += kTailRows) {
    int32_t payloads[kTailRows];
    walk_tails(payloads, forest, tree, places + first, keys + first);
    if (forest.is_direct) {
      float values[kTailRows];
      __builtin_memcpy(values, payloads, sizeof(values));
      for (size_t r = 0; r < kTailRows; ++r) scores[first + r] += values[r];
      continue;
    }
    for (uint32_t s = 0; s < tree.slot_count; ++s) {
      const ForestSlot& slot = forest.slots[tree.first_slot + s];
      float* const target = scores + size_t{slot.target} * kBlockRows + first;
      const float* const values = forest.values + slot.first_value;
      for (size_t r = 0; r < kTailRows; ++r) target[r] += values[static_cast<uint32_t>(payloads[r])];
    }
  }
}

void add_block(float* scores, const Forest& forest, const int32_t* keys, size_t rows) noexcept {
  for (size_t first = 0; first < rows; first += kLaneRows)
    for (size_t t = 0; t < forest.tree_count; ++t) {
      const ForestTree& tree = forest.trees[t];
      Words exits[kGroups] = {};
      find_exits(exits, forest, tree, keys + first);
      if (tree.has_tail) {
        add_tails(scores + first, forest, tree, exits, keys + first);
        continue;
      }
      for (uint32_t s = 0; s < tree.slot_count; ++s) {
        const ForestSlot& slot = forest.slots[tree.first_slot + s];
        float* const target = scores + size_t{slot.target} * kBlockRows + first;
        for (size_t g = 0; g < kGroups; ++g)
          add_to(target + g * kLanes, pick_of_words(forest.values + slot.first_value, exits[g], tree));
      }
    }
}

void find_block(uint32_t* leaves, const Forest& forest, size_t index, const int32_t* keys, size_t rows) noexcept {
  const ForestTree& tree = forest.trees[index];
  for (size_t first = 0; first < rows; first += kLaneRows) {
    Words exits[kGroups] = {};
    find_exits(exits, forest, tree, keys + first);
    store_exits(leaves + first, exits);
    if (!tree.has_tail) continue;
    for (size_t r = first; r < first + kLaneRows; r += kTailRows) {
      int32_t payloads[kTailRows];
      walk_tails(payloads, forest, tree, leaves + r, keys + r);
      __builtin_memcpy(leaves + r, payloads, sizeof(payloads));
    }
  }
}

static inline const ForestNode* next_of(const ForestNode* node, const int32_t* keys) noexcept {
  return node + node->step + (keys[node->column] > node->threshold ? 1 : 0);
}

void walk_row(int32_t* payloads, const Forest& forest, const int32_t* keys) noexcept {
  size_t t = 0;
  for (; t + kRowTrees <= forest.tree_count; t += kRowTrees) {
    const ForestNode* at[kRowTrees];
    uint32_t depth = 0;
    for (size_t i = 0; i < kRowTrees; ++i) {
      const ForestTree& tree = forest.trees[t + i];
      at[i] = forest.nodes + tree.first_node;
      depth = tree.depth > depth ? tree.depth : depth;
    }
    for (uint32_t d = 0; d < depth; d += 2) {
      size_t moved = 0;
      for (size_t i = 0; i < kRowTrees; ++i) {
        at[i] = next_of(at[i], keys);
        moved |= at[i]->step;
        at[i] = next_of(at[i], keys);
      }
      if (moved == 0) break;
    }
    for (size_t i = 0; i < kRowTrees; ++i) payloads[t + i] = at[i]->threshold;
  }
  for (; t < forest.tree_count; ++t) {
    const ForestNode* node = forest.nodes + forest.trees[t].first_node;
    while (node->step != 0) node = next_of(node, keys);
    payloads[t] = node->threshold;
  }
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

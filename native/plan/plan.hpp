// A compiled pipeline version: immutable, shared by every request that was admitted under it. Built once at deploy from
// the PlanSpec that TypeScript checked (bindings/native-addon.ts describes each field); only sizes and indexes are
// checked again here, because a wrong one would be a wild pointer. A plan without stages only routes: pipelines with
// string tensors run in JavaScript and ask for the branches of their splits.
//
//   stage 0: [node 0: model | split(branch 0, branch 1, …)] [node 1 …]   ──► stage 1 ──► … ──► answer
//
// Input bindings say where each input of each branch's model comes from: the request (stage 0) or a tensor of the stage
// before.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/boundary_codes.hpp"
#include "plan/answer_form.hpp"
#include "plan/check_program.hpp"
#include "plan/router.hpp"
#include "queue/model_queue.hpp"

namespace penstock {
class PredictionCache;
class RequestLog;

// A tensor of a batch that the node (stage, position) ran; its slot by the branch that was chosen.
struct Source {
  uint16_t stage = 0;
  uint16_t position = 0;
  SourceSide side = SourceSide::kOutputs;
  std::vector<uint16_t> slots;
  // `seal` derives both for answers and audited outputs. -1: free in a branch, or not the same in all of them.
  Field common{};
  std::vector<int64_t> dims_without_rows{};  // of a request without rows: 0 where the dim is -1

  bool is_same_as(const Source& other) const noexcept {
    return stage == other.stage && position == other.position && side == other.side && slots == other.slots;
  }
};

// A tensor that cached answers have: of the answer, of audited outputs, or one that the log reads.
struct CachedSource {
  Source source;
  int32_t input = -1;  // of the request, whose bytes it is; -1: of none, it has bytes of its own
};

struct InputBinding {
  uint16_t request_input = 0;
  bool is_from_request = true;
  Source source;
};

struct Option {
  std::shared_ptr<ModelQueue> queue;
  std::vector<InputBinding> bindings;
  std::string label{};  // of the model, in timings
};

struct Position {
  std::vector<Option> options;
  int32_t split = -1;
  bool is_background = false;
};

struct Stage {
  std::vector<Position> positions;
  std::vector<uint16_t> foreground;
  std::vector<uint16_t> background;
  uint32_t first_position = 0;  // over all stages, for the loss counters
  bool is_retained = false;     // read again after the next stage's inputs were bound
};

struct Check {
  uint16_t after_stage = 0;
  CheckProgram program;
  std::vector<Source> sources;
  // The node of its stage, where it reads no other: then it is evaluated a batch at a time. -1: it reads several.
  int32_t only_position = -1;
};

struct Plan {
  double key = 0;  // chosen by the engine, reported with answers and records
  std::vector<Field> inputs;
  bool is_non_batching = false;
  uint32_t request_rows_max = 1;
  std::vector<Split> splits;
  std::vector<Stage> stages;
  std::vector<Check> checks;
  std::vector<Source> answer;
  // Outputs of nodes beside the answer's: delivered to requests that ask for them, when all their rows are back.
  std::vector<Source> audited_outputs;
  int32_t route_split = -1;
  // Null: its requests are not logged. Its columns read sources of this plan.
  std::shared_ptr<RequestLog> log;
  // Null: every request is run.
  std::shared_ptr<PredictionCache> cache;
  // For JSON over HTTP; null: that takes the path in TypeScript. Set before the first such request, by the port's
  // thread.
  std::shared_ptr<const AnswerForm> answer_form;

  // Derived by `seal`.
  size_t free_dim_count = 0;
  size_t row_bytes = 0;  // over all inputs when no dim is free
  bool has_free_dims = false;
  bool has_free_answer = false;
  size_t answer_row_bytes = 0;  // over all answers when no dim is free
  uint64_t signature = 0;       // equal signatures: frames of one may be read as the other's
  uint32_t position_count = 0;
  std::vector<CachedSource> cached_sources;  // distinct; none without a cache
  bool has_scattered_checks = false;         // with only_position -1
  bool has_batch_checks = false;             // with another
  bool is_committed = false;                 // answers wait for the log
  bool is_log_simple = false;                // one model: a batch holds all that the log reads of its entries
  bool has_free_bytes = false;  // what a row holds depends on the request and on what its models gave before
  size_t held_row_bytes = 0;    // else (row_bytes.hpp)

  std::atomic<uint32_t> in_flight{0};
  std::atomic<bool> is_closed{false};

  // Empty when the plan is consistent, else what is wrong.
  std::string seal();
  // Answers in the cache have that tensor. For `seal`, and the log that it binds.
  void keep_in_cache(const Source& source);
};

// The fields of the branch's model that a source of that side reads.
const std::vector<Field>& fields_of(const Option& option, SourceSide side);
// Empty when the source is a tensor of one of the plan's first `stage_limit` stages, else what is wrong.
std::string check_source(const Plan& plan, const Source& source, size_t stage_limit);
}  // namespace penstock

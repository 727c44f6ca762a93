#include "plan/plan.hpp"

#include <algorithm>

#include "core/boundary_codes.hpp"
#include "plan/request_log.hpp"
#include "plan/row_bytes.hpp"

namespace penstock {
const std::vector<Field>& fields_of(const Option& option, SourceSide side) {
  return side == SourceSide::kInputs ? option.queue->options.inputs : option.queue->options.outputs;
}

std::string check_source(const Plan& plan, const Source& source, size_t stage_limit) {
  if (source.stage >= stage_limit) return "a source's stage is out of range";
  const Stage& stage = plan.stages[source.stage];
  if (source.position >= stage.positions.size()) return "a source's position is out of range";
  const Position& position = stage.positions[source.position];
  if (static_cast<size_t>(source.side) >= kSourceSideCount) return "a source's side must be 0 or 1";
  if (source.slots.size() != position.options.size()) return "a source needs one slot per option";
  for (size_t i = 0; i < source.slots.size(); ++i)
    if (source.slots[i] >= fields_of(position.options[i], source.side).size()) return "a source's slot is out of range";
  return "";
}

namespace {
// FNV-1a over what a frame's layout depends on.
struct Signature {
  uint64_t hash = 0xcbf29ce484222325u;
  void add(uint64_t value) noexcept {
    for (int i = 0; i < 8; ++i) hash = (hash ^ ((value >> (8 * i)) & 0xff)) * 0x100000001b3u;
  }
  void add(const std::vector<Field>& fields) noexcept {
    add(fields.size());
    for (const Field& field : fields) {
      add(static_cast<uint64_t>(field.dtype));
      add(field.dims.size());
      for (const int64_t dim : field.dims) add(static_cast<uint64_t>(dim));
    }
  }
};

std::string check_position(const Plan& plan, const Position& position, size_t stage) {
  if (position.options.empty()) return "a position needs an option";
  if (position.split >= 0) {
    if (static_cast<size_t>(position.split) >= plan.splits.size()) return "a split index is out of range";
    if (plan.splits[static_cast<size_t>(position.split)].option_count() != position.options.size())
      return "a split position needs one option per split option";
  } else if (position.options.size() != 1) {
    return "a position without a split has exactly one option";
  }
  for (const Option& option : position.options) {
    if (option.bindings.size() != option.queue->options.inputs.size())
      return "an option needs one binding per model input";
    for (const InputBinding& binding : option.bindings) {
      if (binding.is_from_request != (stage == 0)) return "stage 0 reads the request, later stages the stage before";
      if (binding.is_from_request && binding.request_input >= plan.inputs.size())
        return "a binding's request input is out of range";
      if (!binding.is_from_request) {
        if (binding.source.stage + 1u != stage || binding.source.side != SourceSide::kOutputs)
          return "a binding reads the outputs of the stage before";
        if (auto fault = check_source(plan, binding.source, stage); !fault.empty()) return fault;
      }
    }
  }
  return "";
}

// What readers of the source may rely on, whichever branch gave a row.
void find_common_field(const Plan& plan, Source& source) {
  const Position& position = plan.stages[source.stage].positions[source.position];
  for (size_t o = 0; o < position.options.size(); ++o) {
    const Field& field = fields_of(position.options[o], source.side)[source.slots[o]];
    if (o == 0) source.common = field;
    std::vector<int64_t>& dims = source.common.dims;
    for (size_t d = 0; d < dims.size(); ++d)
      if (d >= field.dims.size() || field.dims[d] != dims[d]) dims[d] = -1;
  }
  source.dims_without_rows = source.common.dims;
  for (int64_t& dim : source.dims_without_rows) dim = std::max<int64_t>(dim, 0);
}

bool has_free_models(const Stage& stage) {
  for (const Position& position : stage.positions)
    for (const Option& option : position.options)
      if (option.queue->free_dim_count > 0 || option.queue->has_unplaced_outputs) return true;
  return false;
}

// The request's input that the source is, whichever branch gave it, byte for byte; -1: it is none.
int32_t request_input_of(const Plan& plan, const Source& source) {
  if (source.side != SourceSide::kInputs || source.stage != 0) return -1;
  const Position& position = plan.stages[0].positions[source.position];
  int32_t input = -1;
  for (size_t o = 0; o < position.options.size(); ++o) {
    const Option& option = position.options[o];
    const size_t slot = source.slots[o];
    const int32_t bound = option.bindings[slot].request_input;
    const bool is_cast =
        option.queue->options.inputs[slot].dtype != plan.inputs[option.bindings[slot].request_input].dtype;
    if (is_cast || (o > 0 && bound != input)) return -1;
    input = bound;
  }
  return input;
}

int32_t only_position_of(const Check& check) {
  if (check.sources.empty()) return -1;
  const uint16_t position = check.sources.front().position;
  const bool is_only = std::all_of(check.sources.begin(), check.sources.end(), [&](const Source& source) {
    return source.stage == check.after_stage && source.position == position;
  });
  return is_only ? position : -1;
}
}  // namespace

void Plan::keep_in_cache(const Source& source) {
  const auto is_source = [&](const CachedSource& kept) { return kept.source.is_same_as(source); };
  if (cache == nullptr || std::any_of(cached_sources.begin(), cached_sources.end(), is_source)) return;
  cached_sources.push_back({source, request_input_of(*this, source)});
}

std::string Plan::seal() {
  if (stages.empty() && answer.empty() && checks.empty()) return "";
  if (route_split >= static_cast<int32_t>(splits.size())) return "routeSplit is out of range";
  if (inputs.empty() || stages.empty() || answer.empty()) return "a plan needs inputs, stages and an answer";
  if (checks.size() > kChecksMax) return "a plan has at most 64 checks";
  if (request_rows_max < 1) return "requestRowsMax must be at least 1";
  for (size_t s = 0; s < stages.size(); ++s) {
    Stage& stage = stages[s];
    stage.first_position = position_count;
    position_count += static_cast<uint32_t>(stage.positions.size());
    for (size_t p = 0; p < stage.positions.size(); ++p) {
      if (auto fault = check_position(*this, stage.positions[p], s); !fault.empty()) return fault;
      (stage.positions[p].is_background ? stage.background : stage.foreground).push_back(static_cast<uint16_t>(p));
    }
    if (stage.foreground.empty()) return "a stage needs a position in the foreground";
  }
  if (position_count > kPositionsMax) return "a plan has at most 64 positions";
  for (Check& check : checks) {
    if (check.sources.size() > kCheckSourcesMax) return "a check reads at most 64 tensors";
    if (check.after_stage >= stages.size()) return "a check's stage is out of range";
    if (auto fault = check.program.validate(check.sources.size()); !fault.empty()) return "a check: " + fault;
    for (const Source& source : check.sources) {
      if (auto fault = check_source(*this, source, check.after_stage + 1u); !fault.empty()) return fault;
      if (stages[source.stage].positions[source.position].is_background) return "a check reads a background position";
      if (source.stage < check.after_stage) stages[source.stage].is_retained = true;
    }
    check.only_position = only_position_of(check);
    (check.only_position < 0 ? has_scattered_checks : has_batch_checks) = true;
  }
  if (log != nullptr) {
    is_committed = log->is_committed();
    is_log_simple = stages.size() == 1 && stages[0].positions.size() == 1 && stages[0].positions[0].split < 0;
    if (auto fault = log->bind(*this); !fault.empty()) return fault;
  }
  for (Source& source : audited_outputs) {
    if (auto fault = check_source(*this, source, stages.size()); !fault.empty()) return fault;
    stages[source.stage].is_retained = true;
    find_common_field(*this, source);
    keep_in_cache(source);
  }
  Signature hash;
  hash.add(inputs);
  for (Source& source : answer) {
    if (auto fault = check_source(*this, source, stages.size()); !fault.empty()) return fault;
    if (source.stage + 1u != stages.size() || source.side != SourceSide::kOutputs)
      return "an answer is an output of the last stage";
    const Position& position = stages[source.stage].positions[source.position];
    if (position.is_background) return "an answer comes from the foreground";
    find_common_field(*this, source);
    keep_in_cache(source);
    const auto bytes = row_bytes_of(source.common.dtype, source.common.dims);
    has_free_answer = has_free_answer || !bytes;
    answer_row_bytes += bytes.value_or(0);
    hash.add({source.common});
  }
  hash.add(checks.size());
  hash.add(static_cast<uint64_t>(route_split < 0 ? 0 : 1));
  hash.add(is_non_batching ? 1 : 0);
  signature = hash.hash;
  for (const Field& field : inputs) {
    free_dim_count +=
        static_cast<size_t>(std::count_if(field.dims.begin(), field.dims.end(), [](int64_t d) { return d < 0; }));
    if (!field.is_static()) continue;
    const auto bytes = row_bytes_of(field.dtype, field.dims);
    if (!bytes) return "an input's dims are out of range";
    row_bytes += *bytes;
  }
  has_free_dims = free_dim_count > 0;
  has_free_bytes = std::any_of(stages.begin(), stages.end(), has_free_models);
  held_row_bytes = has_free_bytes ? 0 : penstock::held_row_bytes(*this, nullptr);
  return "";
}
}  // namespace penstock

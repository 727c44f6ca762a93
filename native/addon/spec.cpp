#include "addon/spec.hpp"

#include <cmath>

#include "addon/handles.hpp"
#include "addon/values.hpp"
#include "core/boundary_codes.hpp"

namespace penstock::addon {
namespace {
[[noreturn]] void refuse(Napi::Env env, const std::string& sentence) {
  throw Napi::RangeError::New(env, sentence);
}

Napi::Array read_array(const Napi::Object& spec, const char* name) {
  const Napi::Value value = spec.Get(name);
  if (!value.IsArray()) refuse(spec.Env(), std::string("Expected ") + name + " to be an array.");
  return value.As<Napi::Array>();
}

bool read_boolean(const Napi::Object& spec, const char* name) {
  return spec.Get(name).ToBoolean().Value();
}

template <typename T, typename Read>
std::vector<T> read_list(const Napi::Object& spec, const char* name, Read&& read) {
  const Napi::Array array = read_array(spec, name);
  std::vector<T> list;
  list.reserve(array.Length());
  for (uint32_t i = 0; i < array.Length(); ++i) list.push_back(read(array.Get(i)));
  return list;
}

Field read_field(const Napi::Value& value) {
  const Napi::Object spec = value.As<Napi::Object>();
  Field field;
  field.dtype = static_cast<Dtype>(read_integer(spec.Get("dtype"), "dtype", 1, 16));
  if (dtype_size_bytes(field.dtype) == 0)
    refuse(spec.Env(), "Expected dtype to be of fixed width: strings take the string path.");
  field.dims =
      read_list<int64_t>(spec, "dims", [](const Napi::Value& dim) { return read_integer(dim, "dims", -1, INT32_MAX); });
  field.is_copied = read_boolean(spec, "isCopied");
  return field;
}

Option read_option(const Napi::Value& value, size_t stage) {
  const Napi::Object spec = value.As<Napi::Object>();
  Option option;
  option.label = spec.Get("label").ToString().Utf8Value();
  option.queue = open_box<QueueBox>(spec.Env(), spec.Get("queue")).queue;
  option.bindings = read_list<InputBinding>(spec, "inputBindings", [&](const Napi::Value& item) {
    const Napi::Object binding_spec = item.As<Napi::Object>();
    InputBinding binding;
    binding.is_from_request = stage == 0;
    if (stage == 0)
      binding.request_input =
          static_cast<uint16_t>(read_integer(binding_spec.Get("requestInput"), "requestInput", 0, 65535));
    else
      binding.source = read_source(binding_spec.Get("source").As<Napi::Object>());
    return binding;
  });
  return option;
}

Split read_split(const Napi::Value& value) {
  const Napi::Object spec = value.As<Napi::Object>();
  Split split;
  split.is_random = spec.Get("kind").ToString().Utf8Value() == "random";
  split.is_required = read_boolean(spec, "isRequired");
  if (!split.is_random) {
    split.key = spec.Get("key").ToString().Utf8Value();
    split.keys =
        read_list<std::string>(spec, "keys", [](const Napi::Value& key) { return key.ToString().Utf8Value(); });
    return split;
  }
  split.cumulative =
      read_list<double>(spec, "cumulative", [](const Napi::Value& x) { return x.ToNumber().DoubleValue(); });
  if (split.cumulative.empty()) refuse(spec.Env(), "Expected cumulative to have an entry.");
  for (size_t i = 1; i < split.cumulative.size(); ++i)
    if (!(split.cumulative[i] >= split.cumulative[i - 1])) refuse(spec.Env(), "Expected cumulative to rise.");
  bool is_lossless = false;
  split.seed = spec.Get("seed").As<Napi::BigInt>().Uint64Value(&is_lossless);
  split.hash_seed = spec.Get("hashSeed").As<Napi::BigInt>().Uint64Value(&is_lossless);
  const Napi::Value hash_key = spec.Get("hashKey");
  if (hash_key.IsString()) split.key = hash_key.As<Napi::String>().Utf8Value();
  return split;
}

Check read_check(const Napi::Value& value) {
  const Napi::Object spec = value.As<Napi::Object>();
  Check check;
  check.after_stage = static_cast<uint16_t>(read_integer(spec.Get("afterStage"), "afterStage", 0, 65535));
  const auto code = spec.Get("code").As<Napi::Int32Array>();
  const auto constants = spec.Get("constants").As<Napi::Float64Array>();
  if (code.ElementLength() % 3 != 0) refuse(spec.Env(), "Expected code.length to be a multiple of 3.");
  for (size_t i = 0; i < code.ElementLength(); i += 3)
    check.program.code.push_back({static_cast<Opcode>(code[i]), code[i + 1], code[i + 2]});
  for (size_t i = 0; i < constants.ElementLength(); ++i) check.program.constants.push_back(constants[i]);
  check.sources =
      read_list<Source>(spec, "sources", [](const Napi::Value& s) { return read_source(s.As<Napi::Object>()); });
  return check;
}

std::shared_ptr<PredictionCache> make_cache(const Napi::Object& spec) {
  const auto id = static_cast<uint32_t>(read_integer(spec.Get("runtime"), "runtime", 1, INT32_MAX));
  const std::shared_ptr<Runtime> runtime = Registry::instance().runtime(id);
  if (runtime == nullptr) throw_handle_error(spec.Env(), "runtime", "is closed");
  CacheOptions options;
  options.ttl_ns = read_integer(spec.Get("ttlMs"), "ttlMs", 1, int64_t{1} << 40) * 1'000'000;
  options.bytes_max = read_integer(spec.Get("bytesMax"), "bytesMax", 1, int64_t{1} << 53);
  auto cache = std::make_shared<PredictionCache>(runtime, runtime->budget, options, random_sip_key());
  runtime->add_cache(cache);
  return cache;
}

LogColumn read_column(const Napi::Value& value) {
  const Napi::Object spec = value.As<Napi::Object>();
  LogColumn column;
  column.kind = static_cast<ColumnKind>(read_integer(spec.Get("kind"), "kind", 0, kColumnKindCount - 1));
  column.elements = static_cast<uint32_t>(read_integer(spec.Get("elements"), "elements", 0, INT32_MAX));
  column.is_nullable = read_boolean(spec, "isNullable");
  if (column.kind == ColumnKind::kAnomaly || column.kind == ColumnKind::kKey)
    column.check = static_cast<uint16_t>(read_integer(spec.Get("check"), "check", 0, kChecksMax - 1));
  if (column.kind != ColumnKind::kTensor && column.kind != ColumnKind::kShape) return column;
  column.source = read_source(spec.Get("source").As<Napi::Object>());
  column.dtype = static_cast<Dtype>(read_integer(spec.Get("dtype"), "dtype", 1, 16));
  if (dtype_size_bytes(column.dtype) == 0) refuse(spec.Env(), "Expected dtype to be of fixed width.");
  return column;
}
}  // namespace

int64_t read_integer(const Napi::Value& value, const char* name, int64_t minimum, int64_t maximum) {
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : std::nan("");
  if (!(number >= static_cast<double>(minimum) && number <= static_cast<double>(maximum)) ||
      number != std::floor(number)) {
    refuse(value.Env(), std::string("Expected ") + name + " to be an integer from " + std::to_string(minimum) + " to " +
                            std::to_string(maximum) + " but received " + value.ToString().Utf8Value() + ".");
  }
  return static_cast<int64_t>(number);
}

Source read_source(const Napi::Object& spec) {
  Source source;
  source.stage = static_cast<uint16_t>(read_integer(spec.Get("stage"), "stage", 0, 65535));
  source.position = static_cast<uint16_t>(read_integer(spec.Get("position"), "position", 0, 65535));
  source.side = static_cast<SourceSide>(read_integer(spec.Get("side"), "side", 0, kSourceSideCount - 1));
  source.slots = read_list<uint16_t>(spec, "slots", [](const Napi::Value& slot) {
    return static_cast<uint16_t>(read_integer(slot, "slots", 0, 65535));
  });
  return source;
}

QueueOptions read_queue_options(const Napi::Object& spec) {
  QueueOptions options;
  options.model_key = static_cast<uint32_t>(read_integer(spec.Get("modelKey"), "modelKey", 0, INT32_MAX));
  options.inputs = read_list<Field>(spec, "inputs", read_field);
  options.outputs = read_list<Field>(spec, "outputs", read_field);
  options.batching = static_cast<Batching>(read_integer(spec.Get("batching"), "batching", 0, kBatchingCount - 1));
  options.batch_rows_max =
      static_cast<uint32_t>(read_integer(spec.Get("batchRowsMax"), "batchRowsMax", 1, kBatchRowsCeiling));
  if (options.batching != Batching::kRows) options.batch_rows_max = 1;
  options.batch_bytes_max =
      static_cast<size_t>(read_integer(spec.Get("batchBytesMax"), "batchBytesMax", 1, int64_t{1} << 40));
  const auto limits = read_list<uint32_t>(spec, "pendingRowsMax", [](const Napi::Value& limit) {
    return static_cast<uint32_t>(read_integer(limit, "pendingRowsMax", 1, INT32_MAX));
  });
  if (limits.size() != kPriorityCount) refuse(spec.Env(), "Expected pendingRowsMax to have two entries.");
  options.pending_rows_max = {limits[0], limits[1]};
  options.max_delay_us = read_integer(spec.Get("maxDelayUs"), "maxDelayUs", 0, 60'000'000);
  options.is_page_locked = read_boolean(spec, "isPageLocked");
  if (options.inputs.empty() || options.outputs.empty())
    refuse(spec.Env(), "Expected inputs and outputs to have an entry.");
  return options;
}

LogOptions read_log_options(const Napi::Object& spec) {
  LogOptions options;
  options.directory = spec.Get("directory").ToString().Utf8Value();
  const ByteSpan schema = read_bytes(spec.Env(), spec.Get("schema"), "schema");
  const auto* const first = reinterpret_cast<const std::byte*>(schema.data);
  options.schema.assign(first, first + schema.size);
  options.columns = read_list<LogColumn>(spec, "columns", read_column);
  options.keys =
      read_list<std::string>(spec, "keys", [](const Napi::Value& key) { return key.ToString().Utf8Value(); });
  options.durability =
      static_cast<Durability>(read_integer(spec.Get("durability"), "durability", 0, kDurabilityCount - 1));
  options.sample_rate = spec.Get("sampleRate").ToNumber().DoubleValue();
  bool is_lossless = false;
  options.seed = spec.Get("seed").As<Napi::BigInt>().Uint64Value(&is_lossless);
  options.refuses = read_boolean(spec, "refusesWhileFailing");
  options.segment_bytes_max =
      static_cast<uint64_t>(read_integer(spec.Get("segmentBytesMax"), "segmentBytesMax", 1, int64_t{1} << 40));
  options.segment_ns_max = read_integer(spec.Get("segmentMsMax"), "segmentMsMax", 1, int64_t{1} << 32) * 1'000'000;
  return options;
}

std::shared_ptr<Plan> read_plan(const Napi::Object& spec) {
  auto plan = std::make_shared<Plan>();
  plan->key = spec.Get("planKey").ToNumber().DoubleValue();
  plan->inputs = read_list<Field>(spec, "inputs", read_field);
  plan->is_non_batching = read_boolean(spec, "isNonBatching");
  plan->request_rows_max =
      static_cast<uint32_t>(read_integer(spec.Get("requestRowsMax"), "requestRowsMax", 1, 1 << 24));
  plan->splits = read_list<Split>(spec, "splits", read_split);
  const Napi::Array stages = read_array(spec, "stages");
  for (uint32_t s = 0; s < stages.Length(); ++s) {
    Stage stage;
    stage.positions = read_list<Position>(stages.Get(s).As<Napi::Object>(), "positions", [&](const Napi::Value& value) {
      const Napi::Object position_spec = value.As<Napi::Object>();
      Position position;
      position.options =
          read_list<Option>(position_spec, "options", [&](const Napi::Value& o) { return read_option(o, s); });
      position.split = static_cast<int32_t>(read_integer(position_spec.Get("split"), "split", -1, 65535));
      position.is_background = read_boolean(position_spec, "isBackground");
      return position;
    });
    plan->stages.push_back(std::move(stage));
  }
  plan->checks = read_list<Check>(spec, "checks", read_check);
  plan->answer =
      read_list<Source>(spec, "answer", [](const Napi::Value& s) { return read_source(s.As<Napi::Object>()); });
  plan->audited_outputs =
      read_list<Source>(spec, "others", [](const Napi::Value& s) { return read_source(s.As<Napi::Object>()); });
  plan->route_split = static_cast<int32_t>(read_integer(spec.Get("routeSplit"), "routeSplit", -1, 65535));
  if (const Napi::Value log = spec.Get("log"); !log.IsNull()) plan->log = open_box<LogBox>(spec.Env(), log).log;
  if (const Napi::Value cache = spec.Get("cache"); cache.IsObject()) plan->cache = make_cache(cache.As<Napi::Object>());
  if (const std::string fault = plan->seal(); !fault.empty())
    refuse(spec.Env(), "Expected a consistent plan: " + fault + ".");
  return plan;
}
}  // namespace penstock::addon

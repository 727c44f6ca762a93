// Claims about what has no elements and about requests without rows: nothing to copy and perhaps no address to copy
// from, on every way through the runtime, from the first request on.
#include <span>
#include <string>

#include "json/answer.hpp"
#include "json/text/print.hpp"
#include "log/log_rows.hpp"
#include "log/record_batch.hpp"
#include "test/engine_fixture.hpp"
#include "test/testing.hpp"

using namespace penstock;
using namespace penstock::testing;

namespace {
constexpr Opcode kIsThere = Opcode::kIsFinite;

// int32 [n, s] → int32 [n, s - 1]: the first element of each row is dropped. The output's dim is free.
std::shared_ptr<ModelQueue> drop_first_queue(const std::shared_ptr<Runtime>& runtime, uint32_t rows_max = 8) {
  QueueOptions options;
  options.inputs = {Field{Dtype::kInt32, {-1}}};
  options.outputs = {Field{Dtype::kInt32, {-1}}};
  options.batch_rows_max = rows_max;
  options.batch_bytes_max = size_t{1} << 20;
  options.pending_rows_max = {4096, 64};
  options.owner = runtime;
  return std::make_shared<ModelQueue>(runtime->scheduler, std::move(options));
}

void drop_first(Batch& batch) {
  const TensorView in = batch.view(SourceSide::kInputs, 0);
  const auto width = static_cast<size_t>((*in.dims)[0]);
  const size_t row_bytes = (width == 0 ? 0 : width - 1) * 4;
  DynamicOutput& out = batch.dynamic_outputs[0];
  out.dims = {static_cast<int64_t>(row_bytes / 4)};
  out.row_bytes = row_bytes;
  CLAIM(out.reserve(row_bytes * batch.rows));
  for (size_t row = 0; row < batch.rows && row_bytes > 0; ++row)
    std::memcpy(out.data() + row * row_bytes, in.data + row * in.row_bytes + 4, row_bytes);
  out.is_set = true;
}

std::shared_ptr<Plan> plan_of(std::vector<std::vector<Position>> stages) {
  auto plan = make_plan(std::move(stages));
  plan->inputs = {Field{Dtype::kInt32, {-1}}};
  return plan;
}

struct EmptyEngine : Engine {
  // Rows of `width` elements, 0, 1, 2 …; the memory of none is null.
  Request* send(uint32_t rows, int64_t width, bool has_audited_outputs = false) {
    std::vector<int32_t> values(rows * static_cast<size_t>(width));
    for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<int32_t>(i);
    const auto* const data = values.empty() ? nullptr : reinterpret_cast<const std::byte*>(values.data());
    const size_t row_bytes = static_cast<size_t>(width) * 4;
    Submission submission;
    submission.inputs = &data;
    submission.row_bytes = &row_bytes;
    submission.free_dims = &width;
    submission.rows = rows;
    submission.has_audited_outputs = has_audited_outputs;
    Failure failure;
    return submit(*port, pipeline, pipeline.plan(), submission, failure);
  }
  size_t run() {
    port->publisher.flush();
    size_t batches = 0;
    for (; runtime->scheduler.take(slot, 0) == Take::kBatch; ++batches) {
      drop_first(*slot.batch);
      complete_batch(slot, RunSpan{slot.taken_ns, slot.taken_ns + 1000});
    }
    return batches;
  }
  // As JSON, without its metadata; "" when it failed.
  std::string answer() {
    PortCompletions completions = port->collect();
    if (completions.answers == nullptr) return "";
    Request& request = *completions.answers;
    AnswerForm form;
    form.outputs = {{0, "\"y\":"}};
    std::string text(request.status() == StatusCode::kOk ? json::answer_characters(request, form) : 0, '\0');
    if (!text.empty())
      text.resize(static_cast<size_t>(json::print_answer(request, form, 1, text.data()) - text.data()));
    Port::unref(request);
    return text.substr(0, text.find("},"));
  }
};
}  // namespace

TEST("empty: a tensor of no bytes has a place, its block an address, and rows of nothing fill no batch early") {
  CLAIM(row_bytes_of(Dtype::kFloat32, {0}) == size_t{0} && row_bytes_of(Dtype::kFloat32, {3, 0, 4}) == size_t{0});
  CLAIM(row_bytes_of(Dtype::kFloat64, {INT64_MAX, INT64_MAX, 0}) == size_t{0});
  CLAIM(!row_bytes_of(Dtype::kFloat64, {INT64_MAX, INT64_MAX}) && !row_bytes_of(Dtype::kInt8, {-1, 0}));
  const std::vector<Field> none = {Field{Dtype::kFloat32, {0, 4}}};
  const auto layout = make_layout(none, none, nullptr, {.rows_max = 7, .bytes_max = 1024, .input_bytes_max = 64});
  CLAIM(layout && layout->rows_max == 7 && layout->block_bytes == kAlignmentBytes);
  CLAIM(layout->inputs[0].offset_bytes == 0 && layout->outputs[0].offset_bytes == 0);
  const std::vector<Field> mixed = {Field{Dtype::kFloat32, {0}}, Field{Dtype::kFloat32, {4}}};
  const auto two = make_layout(mixed, none, nullptr, {.rows_max = 2, .bytes_max = 1024});
  CLAIM(two && two->inputs[1].offset_bytes == 0 && two->outputs[0].offset_bytes == 64 && two->block_bytes == 64);
  CLAIM(Block::try_make(two->block_bytes) != nullptr);
}

TEST("empty: nests of nothing are printed, and brackets beyond counting are not") {
  const auto print = [](const std::vector<int64_t>& dims) {
    std::string text(json::nest_characters(dims), '\0');
    text.resize(
        static_cast<size_t>(json::print_nest(nullptr, Dtype::kFloat32, dims, 0, text.data()) - text.data()));
    return text;
  };
  CLAIM(print({0}) == "[]" && print({0, 5}) == "[]" && print({2, 0}) == "[[],[]]");
  CLAIM(print({1, 2, 0, 3}) == "[[[],[]]]");
  for (const std::vector<int64_t>& dims : {std::vector<int64_t>{INT64_MAX, INT64_MAX, 0}, {1, INT32_MAX, INT32_MAX, 0}})
    CLAIM(json::nest_characters(dims) == json::kCharactersMany);
  CLAIM(json::nest_characters({INT32_MAX, 0}) > kEmptyNestCharactersMax);
}

TEST("empty: the first answer after a start may have no elements, and the ones behind it have them") {
  EmptyEngine engine;
  CLAIM(engine.deploy(plan_of({{one_model(drop_first_queue(engine.runtime), from_request())}})).empty());
  CLAIM(engine.send(2, 1) != nullptr && engine.run() == 1);
  CLAIM(engine.answer() == "{\"outputs\":{\"y\":[[],[]]");
  CLAIM(engine.send(1, 2) != nullptr && engine.run() == 1);
  CLAIM(engine.answer() == "{\"outputs\":{\"y\":[[1]]");
  CLAIM(engine.send(2, 0) != nullptr && engine.run() == 1);
  CLAIM(engine.answer() == "{\"outputs\":{\"y\":[[],[]]");
  CLAIM(engine.send(10, 1) != nullptr && engine.run() == 2);  // over two batches
  CLAIM(engine.answer().ends_with("[[],[],[],[],[],[],[],[],[],[]]"));
}

TEST("empty: brackets that take no memory of the model are no answer when they are too many") {
  EmptyEngine engine;
  QueueOptions options;
  options.inputs = {Field{Dtype::kInt32, {-1}}};
  options.outputs = {Field{Dtype::kInt32, {-1, -1}}};
  options.batch_rows_max = 8;
  options.batch_bytes_max = size_t{1} << 20;
  options.pending_rows_max = {4096, 64};
  options.owner = engine.runtime;
  auto queue = std::make_shared<ModelQueue>(engine.runtime->scheduler, std::move(options));
  CLAIM(engine.deploy(plan_of({{one_model(queue, from_request())}})).empty());
  for (const int64_t arrays : {int64_t{3}, int64_t{INT32_MAX}}) {
    CLAIM(engine.send(1, 1) != nullptr);
    engine.port->publisher.flush();
    CLAIM(engine.runtime->scheduler.take(engine.slot, 0) == Take::kBatch);
    DynamicOutput& out = engine.slot.batch->dynamic_outputs[0];
    out.dims = {arrays, 0};
    out.row_bytes = 0;
    out.is_set = true;
    complete_batch(engine.slot, RunSpan{engine.slot.taken_ns, engine.slot.taken_ns + 1000});
    CLAIM(engine.answer() == (arrays == 3 ? "{\"outputs\":{\"y\":[[[],[],[]]]" : ""));
  }
}

TEST("empty: rows without elements pass from stage to stage, and checks that read several outputs judge them") {
  EmptyEngine engine;
  auto first = drop_first_queue(engine.runtime);
  auto plan = plan_of({{one_model(first, from_request())},
                       {one_model(drop_first_queue(engine.runtime, 3), from_stage(0, 0, 1)),
                        one_model(drop_first_queue(engine.runtime), from_stage(0, 0, 1))}});
  Check check;  // fails where the length of one is not that of the other
  check.after_stage = 1;
  check.sources = {{1, 0, SourceSide::kOutputs, {0}}, {1, 1, SourceSide::kOutputs, {0}}};
  check.program.code = {{Opcode::kLength, 0, 0}, {Opcode::kLength, 1, 0}, {Opcode::kNotEqual, 0, 0}};
  plan->checks.push_back(check);
  Check absent;  // fails where the first element is a number
  absent.after_stage = 1;
  absent.sources = {{1, 0, SourceSide::kOutputs, {0}}};
  absent.program.code = {{Opcode::kLoad, 0, 0}, {kIsThere, 0, 0}};
  plan->checks.push_back(absent);
  CLAIM(engine.deploy(plan).empty());
  for (const int64_t width : {1, 2, 3}) {
    CLAIM(engine.send(4, width) != nullptr);
    engine.run();
    Request& request = *engine.port->collect().answers;
    CLAIM(request.status() == StatusCode::kOk && request.check_bits.size() == 4);
    for (const uint64_t bits : request.check_bits) CLAIM(bits == (width == 3 ? 2u : 0u));
    Port::unref(request);
  }
}

TEST("empty: a request without rows passes every stage, runs nothing and is answered by tensors without rows") {
  EmptyEngine engine;
  auto plan = plan_of({{one_model(drop_first_queue(engine.runtime), from_request()),
                        one_model(drop_first_queue(engine.runtime), from_request(), true)},
                       {one_model(drop_first_queue(engine.runtime), from_stage(0, 0, 1))}});
  plan->audited_outputs = {{0, 1, SourceSide::kOutputs, {0}}};
  CLAIM(engine.deploy(plan).empty());
  for (const bool has_audited_outputs : {false, true}) {
    CLAIM(engine.send(0, 5, has_audited_outputs) != nullptr && engine.run() == 0);
    Request& request = *engine.port->collect().answers;
    TensorShape shape;
    CLAIM(request.status() == StatusCode::kOk && request.rows == 0 && request.segments.empty());
    CLAIM(shape_of(request, plan->answer[0], shape) && *shape.dims == std::vector<int64_t>{0} && shape.row_bytes == 0);
    CLAIM(shape_of(request, plan->audited_outputs[0], shape) && shape.dtype == Dtype::kInt32);
    Port::unref(request);
  }
  CLAIM(engine.send(0, 5) != nullptr && engine.answer() == "{\"outputs\":{\"y\":[]");
  CLAIM(engine.port->in_flight() == 0 && plan->in_flight == 0);
  CLAIM(plan->stages[0].positions[0].options[0].queue->batches_allocated == 0);
}

TEST("empty: known dims stay known without rows, and what options do not share is 0") {
  Engine engine;
  const auto with_output = [&](std::vector<int64_t> dims) {
    QueueOptions options;
    options.inputs = {Field{Dtype::kFloat32, {kWidth}}};
    options.outputs = {Field{Dtype::kFloat32, std::move(dims)}};
    options.batch_rows_max = 8;
    options.batch_bytes_max = size_t{1} << 20;
    options.pending_rows_max = {4096, 64};
    options.owner = engine.runtime;
    return std::make_shared<ModelQueue>(engine.runtime->scheduler, std::move(options));
  };
  Position position;
  position.split = 0;
  position.options.push_back({with_output({3, 4}), {from_request()}});
  position.options.push_back({with_output({3, -1}), {from_request()}});
  auto plan = make_plan({{position}});
  Split split;
  split.is_random = false;
  split.key = std::string(1, 'k');  // GCC 12 sees an overlap in the assignment of a literal
  split.keys = {"b"};
  plan->splits.push_back(std::move(split));
  plan->route_split = 0;
  CLAIM(engine.deploy(plan).empty());
  CLAIM(plan->has_free_answer);  // of its second option
  Failure failure;
  CLAIM(engine.submit_rows({}, 1, failure) != nullptr);
  Request& request = *engine.port->collect().answers;
  TensorShape shape;
  CLAIM(shape_of(request, plan->answer[0], shape) && *shape.dims == (std::vector<int64_t>{3, 0}));
  Port::unref(request);
}

TEST("empty: a whole tensor has no rows to be without, and is refused without its one") {
  Engine engine;
  auto plan = make_plan({{one_model(make_queue(engine.runtime, 1), from_request())}});
  plan->is_non_batching = true;
  CLAIM(engine.deploy(plan).empty());
  Failure failure;
  CLAIM(engine.submit_rows({}, 1, failure) == nullptr && failure.code == StatusCode::kShape);
}

TEST("empty: rows of an output that have different shapes are no answer") {
  EmptyEngine engine;
  CLAIM(engine.deploy(plan_of({{one_model(drop_first_queue(engine.runtime, 1), from_request())}})).empty());
  CLAIM(engine.send(2, 3) != nullptr);
  engine.port->publisher.flush();
  for (const int64_t width : {1, 0}) {
    CLAIM(engine.runtime->scheduler.take(engine.slot, 0) == Take::kBatch);
    drop_first(*engine.slot.batch);
    engine.slot.batch->dynamic_outputs[0].dims = {width};
    engine.slot.batch->dynamic_outputs[0].row_bytes = static_cast<size_t>(width) * 4;
    complete_batch(engine.slot, RunSpan{engine.slot.taken_ns, engine.slot.taken_ns + 1000});
  }
  Request& request = *engine.port->collect().answers;
  CLAIM(request.status() == StatusCode::kOk && !has_answer_shapes(request));
  Port::unref(request);
}

TEST("empty: rows without elements are rows of the log: lists that end where they begin") {
  EmptyEngine engine;
  CLAIM(engine.deploy(plan_of({{one_model(drop_first_queue(engine.runtime), from_request())}})).empty());
  LogColumn time;
  LogColumn input;
  input.kind = ColumnKind::kTensor;
  input.dtype = Dtype::kInt32;
  input.source = {0, 0, SourceSide::kInputs, {0}};
  LogColumn output = input;
  output.source.side = SourceSide::kOutputs;
  const std::vector<LogColumn> columns = {time, input, output};
  LogRows rows(columns);
  for (const int64_t width : {1, 3, 0}) {
    CLAIM(engine.send(2, width) != nullptr && engine.run() == 1);
    Request& request = *engine.port->collect().answers;
    rows.append_request(request, 1, WallClock::now());
    const LogItem item{&request, request.segments[0].batch, request.segments[0].entry};
    const uint64_t number = 1;
    rows.append_run(std::span(&item, 1), std::span(&number, 1), WallClock::now());
    Port::unref(request);
  }
  CLAIM(rows.row_count() == 12);
  std::vector<int32_t> ends(13);
  CLAIM(rows.data(2).offsets.size() == ends.size() * 4);
  std::memcpy(ends.data(), rows.data(2).offsets.data(), ends.size() * 4);
  CLAIM((ends == std::vector<int32_t>{0, 0, 0, 0, 0, 2, 4, 6, 8, 8, 8, 8, 8}));
  RecordBatchMessage message;
  message.build(rows);
  CLAIM(message.size_bytes() > 0);
}

int main() {
  return penstock::testing::run_all();
}

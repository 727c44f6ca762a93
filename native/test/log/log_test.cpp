// Claims about the log below JavaScript: what rows look like in a stream, what segments are left behind on good and bad
// days, and that a committed answer never comes before its row is on the disk. Run under ASan, UBSan and TSan.
#include <algorithm>
#include <bit>
#include <chrono>

#include "flatbuffers/flat_reader.hpp"
#include "log/logging_runtime.hpp"
#include "test/engine_fixture.hpp"
#include "test/memory_files.hpp"
#include "test/testing.hpp"

using namespace penstock;
using namespace penstock::testing;

namespace {
const std::string kFolder = "log/p/1";

std::vector<std::byte> bytes_of(std::string_view text) {
  const auto* const first = reinterpret_cast<const std::byte*>(text.data());
  return {first, first + text.size()};
}

LogColumn column_of(ColumnKind kind, uint32_t elements = 0) {
  LogColumn column;
  column.kind = kind;
  column.elements = elements;
  return column;
}
LogColumn tensor_column(uint16_t stage, uint16_t position, SourceSide side, uint32_t elements = kWidth) {
  LogColumn column = column_of(ColumnKind::kTensor, elements);
  column.source = {stage, position, side, {0}};
  return column;
}

// time, in.x, out.y, elapsed, number, route; for plans of `stages` stages.
LogOptions options_of(Durability durability, uint16_t stages = 1) {
  LogOptions options;
  options.directory = kFolder;
  options.schema = bytes_of("schema!!");
  options.columns = {column_of(ColumnKind::kTime),
                     tensor_column(0, 0, SourceSide::kInputs),
                     tensor_column(static_cast<uint16_t>(stages - 1), 0, SourceSide::kOutputs),
                     column_of(ColumnKind::kElapsed, stages + 1u),
                     column_of(ColumnKind::kRequestNumber),
                     column_of(ColumnKind::kRoute)};
  options.durability = durability;
  return options;
}

// A record batch as a reader finds it in a stream. A field's slot is where its place stands in the vtable.
struct BatchRead {
  int64_t rows = 0;
  std::vector<std::pair<int64_t, int64_t>> nodes;
  std::vector<std::vector<uint8_t>> buffers;

  template <typename T>
  T value(size_t buffer, size_t index) const {
    T value;
    std::memcpy(&value, buffers.at(buffer).data() + index * sizeof(T), sizeof(T));
    return value;
  }
};

bool read_batch(flatbuffers::Bytes metadata, flatbuffers::Bytes body, BatchRead& batch) {
  flatbuffers::Table message;
  flatbuffers::Table header;
  int16_t version = 0;
  uint8_t type = 0;
  int64_t body_bytes = 0;
  flatbuffers::Vector nodes;
  flatbuffers::Vector buffers;
  if (!flatbuffers::Table::open_at_offset(metadata, 0, message)) return false;
  if (!message.scalar(4, version) || !message.scalar(6, type) || !message.scalar(10, body_bytes)) return false;
  if (version != 4 || type != 3 || !message.table(8, header)) return false;
  if (static_cast<size_t>(body_bytes) != body.size) return false;
  if (!header.scalar(4, batch.rows) || !header.vector(6, 16, nodes) || !header.vector(8, 16, buffers)) return false;
  for (size_t i = 0; i < nodes.count; ++i)
    batch.nodes.push_back({nodes.get<int64_t>(2 * i), nodes.get<int64_t>(2 * i + 1)});
  for (size_t i = 0; i < buffers.count; ++i) {
    const auto at = static_cast<size_t>(buffers.get<int64_t>(2 * i));
    const auto size = static_cast<size_t>(buffers.get<int64_t>(2 * i + 1));
    if (at % 8 != 0 || at + size > body.size) return false;
    batch.buffers.emplace_back(body.data + at, body.data + at + size);
  }
  return true;
}

struct StreamRead {
  std::vector<BatchRead> batches;
  bool has_end = false;
  bool is_whole = true;  // nothing is left over

  int64_t rows() const {
    int64_t sum = 0;
    for (const BatchRead& batch : batches) sum += batch.rows;
    return sum;
  }
};

StreamRead read_stream(const std::vector<std::byte>& content) {
  StreamRead stream;
  const flatbuffers::Bytes all{reinterpret_cast<const uint8_t*>(content.data()), content.size()};
  size_t at = 8;  // the stand-in for a schema
  while (at + 8 <= all.size) {
    const auto metadata_bytes = all.load<uint32_t>(at + 4);
    if (all.load<uint32_t>(at) != 0xFFFFFFFFu) break;
    at += 8;
    if (metadata_bytes == 0) {
      stream.has_end = true;
      break;
    }
    flatbuffers::Table message;
    int64_t body_bytes = 0;
    const flatbuffers::Bytes metadata{all.data + at, metadata_bytes};
    if (!flatbuffers::Table::open_at_offset(metadata, 0, message) || !message.scalar(10, body_bytes)) break;
    BatchRead batch;
    if (at + metadata_bytes + static_cast<size_t>(body_bytes) > all.size) break;
    if (!read_batch(metadata, {all.data + at + metadata_bytes, static_cast<size_t>(body_bytes)}, batch)) break;
    at += metadata_bytes + static_cast<size_t>(body_bytes);
    stream.batches.push_back(std::move(batch));
  }
  stream.is_whole = at == all.size;
  return stream;
}

int64_t rows_in(MemoryFiles& files) {
  int64_t rows = 0;
  for (const auto& [path, content] : files.files()) {
    const StreamRead stream = read_stream(content);
    CLAIM(stream.is_whole);
    rows += stream.rows();
  }
  return rows;
}

template <typename Holds>
bool until(Holds&& holds, int limit_ms = 5000) {
  for (int waited_ms = 0; waited_ms < limit_ms; ++waited_ms) {
    if (holds()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return holds();
}

// An engine whose pipeline is logged to memory.
struct LoggedEngine : Engine {
  explicit LoggedEngine(MemoryFiles& files) {
    auto logging = std::make_shared<LoggingRuntime>(true, files);
    log_writer = &logging->log_writer;
    use_runtime(std::move(logging));
  }
  ~LoggedEngine() {
    if (log != nullptr) close_log();
  }
  void deploy_logged(std::shared_ptr<Plan> plan, LogOptions options) {
    log = log_writer->open(pipeline.log_stats, std::move(options));
    plan->log = log;
    CLAIM(deploy(std::move(plan)).empty());
  }
  void deploy_one_model(LogOptions options, uint32_t batch_rows = 8) {
    deploy_logged(make_plan({{one_model(make_queue(runtime, 10, batch_rows), from_request())}}), std::move(options));
  }
  // Answers that come meanwhile are counted.
  bool reply(double tag) {
    return until([&] {
      PortCompletions completions = port->collect();
      for (Request* request = completions.answers; request != nullptr; ++answered)
        Port::unref(*std::exchange(request, request->next_answer));
      return std::any_of(completions.replies.begin(), completions.replies.end(),
                         [&](const JobReply& r) { return r.tag == tag; });
    });
  }
  void flush_log() {
    log->flush({port, 77, false});
    CLAIM(reply(77));
  }
  void close_log() {
    log->close({port, 78, false});
    CLAIM(reply(78));
    log = nullptr;
  }
  LogStats& stats() { return *pipeline.log_stats; }
  // Submits and runs `count` requests of `rows` rows with values 0, 1, 2, … of each request's own hundred.
  void serve(int count, size_t rows) {
    Failure failure;
    for (int i = 0; i < count; ++i)
      CLAIM(submit_rows(rows_of(rows, static_cast<float>(i) * 100.0f), i, failure) != nullptr);
    run_all();
  }

  LogWriter* log_writer = nullptr;  // the runtime's
  std::shared_ptr<RowLog> log;
  size_t answered = 0;
};
}  // namespace

TEST("log: a row holds the request, its answer, its times and its number") {
  MemoryFiles files;
  LoggedEngine engine(files);
  engine.deploy_one_model(options_of(Durability::kAsync));
  engine.serve(5, 3);  // 15 rows in batches of 8: one request lies in two
  CLAIM(drain(*engine.port).size() == 5);
  engine.close_log();
  const auto left = files.files();
  CLAIM(left.size() == 1);
  const auto& [path, content] = *left.begin();
  CLAIM(path.starts_with(kFolder + "/0000000001-") && path.ends_with("-15.arrows"));
  const StreamRead stream = read_stream(content);
  CLAIM(stream.is_whole && stream.has_end && stream.rows() == 15);
  const int64_t now_ms = WallClock::now().ms_of(now_ns());
  int row_of_all = 0;
  std::vector<bool> seen(5);
  for (const BatchRead& batch : stream.batches) {
    for (size_t r = 0; r < static_cast<size_t>(batch.rows); ++r, ++row_of_all) {
      const auto ms = batch.value<int64_t>(1, r);
      CLAIM(ms <= now_ms && ms > now_ms - 60'000);
      const auto x = batch.value<float>(4, 2 * r);
      CLAIM(batch.value<float>(7, 2 * r) == x + 10.0f && batch.value<float>(7, 2 * r + 1) == x + 11.0f);
      CLAIM(batch.value<float>(4, 2 * r + 1) == x + 1.0f);
      const auto number = batch.value<uint64_t>(12, r);
      const auto request = static_cast<size_t>(x) / 100;
      CLAIM(request < 5);
      seen[request] = true;
      CLAIM(number == 0);  // JavaScript's: the fixture gives none
      CLAIM(batch.value<uint64_t>(10, 2 * r + 1) < 60'000'000'000);
      CLAIM(batch.value<int16_t>(14, r) == -1);
    }
  }
  CLAIM(row_of_all == 15 && std::all_of(seen.begin(), seen.end(), [](bool is_seen) { return is_seen; }));
  CLAIM(engine.stats().rows == 15 && engine.stats().dropped_rows == 0 && engine.stats().bytes > 15 * 50);
}

TEST("log: requests without a number get one that JavaScript never gives") {
  MemoryFiles files;
  LoggedEngine engine(files);
  engine.deploy_one_model(options_of(Durability::kAsync), 64);
  const std::vector<float> row = rows_of(2, 1);
  const auto* const data = reinterpret_cast<const std::byte*>(row.data());
  const size_t row_bytes = kWidth * 4;
  Submission submission;
  submission.inputs = &data;
  submission.row_bytes = &row_bytes;
  submission.rows = 2;
  submission.origin.is_wire = true;
  Failure failure;
  for (int i = 0; i < 10; ++i) submit(*engine.port, engine.pipeline, engine.pipeline.plan(), submission, failure);
  engine.run_all();
  engine.close_log();
  const StreamRead stream = read_stream(files.files().begin()->second);
  CLAIM(stream.batches.size() == 1 && stream.rows() == 20);
  for (size_t r = 0; r < 20; ++r) CLAIM(stream.batches[0].value<uint64_t>(12, r) == RowLog::kNumbersFirst + r / 2);
}

TEST("log: inputs and audited outputs outlive the stages behind them; a lost challenger is null") {
  MemoryFiles files;
  LoggedEngine engine(files);
  auto challenger = make_queue(engine.runtime, 20, 8, {4096, 4});  // room for two requests of two rows
  auto plan = make_plan(
      {{one_model(make_queue(engine.runtime, 10), from_request()), one_model(challenger, from_request(), true)},
       {one_model(make_queue(engine.runtime, 100), from_stage(0, 0, 1))}});
  LogOptions options = options_of(Durability::kAsync, 2);
  LogColumn audited = tensor_column(0, 1, SourceSide::kOutputs);
  audited.is_nullable = true;
  options.columns.push_back(audited);
  engine.deploy_logged(plan, options);
  engine.serve(4, 2);
  CLAIM(drain(*engine.port).size() == 4);
  engine.close_log();
  size_t nulls = 0;
  for (const BatchRead& batch : read_stream(files.files().begin()->second).batches) {
    const auto [rows, null_count] = batch.nodes.at(9);
    nulls += static_cast<size_t>(null_count);
    for (size_t r = 0; r < static_cast<size_t>(rows); ++r) {
      const auto x = batch.value<float>(4, 2 * r);
      CLAIM(batch.value<float>(7, 2 * r) == x + 110.0f);
      const bool is_valid = null_count == 0 || (batch.value<uint8_t>(15, r / 8) >> (r % 8) & 1) != 0;
      CLAIM(batch.value<float>(17, 2 * r) == (is_valid ? x + 20.0f : 0.0f));
    }
  }
  CLAIM(nulls == 4);
}

TEST("log: failed checks are counted and named; booleans are bits") {
  MemoryFiles files;
  LoggedEngine engine(files);
  auto plan = make_plan({{one_model(make_queue(engine.runtime, 10, 64), from_request())}});
  for (const double bound : {0.0, 1015.0}) {  // out[0] > bound
    Check check;
    check.program.constants = {bound};
    check.program.code = {{Opcode::kLoad, 0, 0}, {Opcode::kConstant, 0, 0}, {Opcode::kGreater, 0, 0}};
    check.sources = {{0, 0, SourceSide::kOutputs, {0}}};
    plan->checks.push_back(check);
  }
  LogOptions options = options_of(Durability::kAsync);
  options.columns.push_back(column_of(ColumnKind::kAnomalyCount));
  options.columns.push_back(column_of(ColumnKind::kAnomaly));
  options.columns.push_back(column_of(ColumnKind::kAnomaly));
  options.columns.back().check = 1;
  engine.deploy_logged(plan, options);
  engine.serve(20, 1);
  drain(*engine.port);
  engine.close_log();
  const StreamRead stream = read_stream(files.files().begin()->second);
  CLAIM(stream.batches.size() == 1 && stream.rows() == 20);
  const BatchRead& batch = stream.batches[0];
  for (size_t r = 0; r < 20; ++r) {
    const bool is_high = static_cast<float>(r) * 100.0f + 10.0f > 1015.0f;
    CLAIM(batch.value<uint32_t>(16, r) == (is_high ? 2 : 1));
    CLAIM((batch.value<uint8_t>(18, r / 8) >> (r % 8) & 1) == 1);
    CLAIM((batch.value<uint8_t>(20, r / 8) >> (r % 8) & 1) == (is_high ? 1 : 0));
  }
}

TEST("log: a sampled log keeps about its rate, the same requests for the same seed") {
  std::vector<std::vector<float>> kept;
  for (const uint64_t seed : {uint64_t{7}, uint64_t{7}, uint64_t{8}}) {
    MemoryFiles files;
    LoggedEngine engine(files);
    LogOptions options = options_of(Durability::kSampled);
    options.sample_rate = 0.25;
    options.seed = seed;
    engine.deploy_one_model(options, 64);
    engine.serve(1000, 1);
    CLAIM(drain(*engine.port).size() == 1000);
    engine.close_log();
    kept.emplace_back();
    for (const BatchRead& batch : read_stream(files.files().begin()->second).batches)
      for (size_t r = 0; r < static_cast<size_t>(batch.rows); ++r) kept.back().push_back(batch.value<float>(4, 2 * r));
  }
  CLAIM(kept[0].size() > 180 && kept[0].size() < 320);  // five standard deviations
  CLAIM(kept[0] == kept[1] && kept[0] != kept[2]);
}

TEST("log: a committed answer comes after the sync of its row, and one sync serves all that wait") {
  MemoryFiles files;
  LoggedEngine engine(files);
  engine.deploy_one_model(options_of(Durability::kCommitted));
  files.shut_gate();
  engine.serve(1, 1);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  CLAIM(drain(*engine.port).empty() && engine.port->in_flight() == 1);
  engine.serve(50, 1);  // while the first sync waits
  CLAIM(drain(*engine.port).empty());
  files.open_gate();
  std::vector<Outcome> outcomes;
  CLAIM(until([&] {
    for (Outcome& outcome : drain(*engine.port)) outcomes.push_back(std::move(outcome));
    return outcomes.size() == 51;
  }));
  for (const Outcome& outcome : outcomes) CLAIM(outcome.code == StatusCode::kOk && outcome.values.size() == kWidth);
  CLAIM(files.syncs <= 3);
  CLAIM(rows_in(files) == 51);
  CLAIM(until([&] { return engine.port->in_flight() == 0; }));
}

TEST("log: a deadline ends the wait for a disk that hangs") {
  MemoryFiles files;
  LoggedEngine engine(files);
  engine.deploy_one_model(options_of(Durability::kCommitted));
  files.shut_gate();
  Failure failure;
  CLAIM(engine.submit_rows(rows_of(1, 0), 1, failure, now_us() + 30'000) != nullptr);
  engine.run_all();
  CLAIM(until([&] { return expire_requests(*engine.port, now_us()) == 0; }));
  const std::vector<Outcome> outcomes = drain(*engine.port);
  CLAIM(outcomes.size() == 1 && outcomes[0].code == StatusCode::kDeadlineExceeded);
  files.open_gate();
  CLAIM(until([&] { return engine.port->in_flight() == 0; }));
  CLAIM(drain(*engine.port).empty());
}

TEST("log: a full disk fails committed answers, cuts the torn message off, and is tried again") {
  MemoryFiles files;
  LoggedEngine engine(files);
  engine.deploy_one_model(options_of(Durability::kCommitted));
  engine.serve(3, 1);
  std::vector<Outcome> outcomes;
  const auto collect = [&](size_t count) {
    return until([&] {
      for (Outcome& outcome : drain(*engine.port)) outcomes.push_back(std::move(outcome));
      return outcomes.size() == count;
    });
  };
  CLAIM(collect(3));
  const int64_t before = rows_in(files);
  files.write_bytes_max = 100;  // so that a message is written in part
  files.room_bytes = 150;
  engine.serve(2, 1);
  CLAIM(collect(5));
  CLAIM(outcomes[3].code == StatusCode::kStorage && outcomes[4].code == StatusCode::kStorage);
  CLAIM(engine.stats().failing_logs == 1 && engine.stats().last_fault == ENOSPC);
  CLAIM(rows_in(files) == before);  // and claims that every stream is whole
  files.room_bytes = INT64_MAX;
  CLAIM(until([&] { return engine.stats().failing_logs == 0; }));
  engine.serve(2, 1);
  CLAIM(collect(7));
  CLAIM(outcomes[6].code == StatusCode::kOk);
  engine.close_log();
  CLAIM(rows_in(files) == before + 2);
  CLAIM(engine.stats().dropped_rows == 2);
}

TEST("log: rows that a failed sync may have lost are counted and cut off") {
  MemoryFiles files;
  LoggedEngine engine(files);
  engine.deploy_one_model(options_of(Durability::kAsync));
  engine.serve(4, 1);
  engine.flush_log();
  files.sync_fault = EIO;
  CLAIM(until([&] { return engine.stats().failing_logs == 1; }));
  CLAIM(engine.stats().dropped_rows == 4);
  files.sync_fault = 0;
  CLAIM(until([&] { return engine.stats().failing_logs == 0; }));
  engine.serve(2, 1);
  engine.close_log();
  CLAIM(rows_in(files) == 2);
  CLAIM(engine.answered + drain(*engine.port).size() == 6);
}

TEST("log: a log that refuses turns requests away while it fails") {
  MemoryFiles files;
  LoggedEngine engine(files);
  LogOptions options = options_of(Durability::kAsync);
  options.refuses = true;
  engine.deploy_one_model(options);
  files.open_fault = EROFS;
  engine.serve(1, 1);
  CLAIM(drain(*engine.port).size() == 1);
  CLAIM(until([&] { return engine.log->is_refusing(); }));
  Failure failure;
  CLAIM(engine.submit_rows(rows_of(1, 0), 2, failure) == nullptr && failure.code == StatusCode::kStorage);
  CLAIM(failure.details[0] == EROFS);
  files.open_fault = 0;
  CLAIM(until([&] { return !engine.log->is_refusing(); }));
  engine.serve(1, 1);
  CLAIM(drain(*engine.port).size() == 1);
}

TEST("log: a folder that somebody removed is made again") {
  MemoryFiles files;
  LoggedEngine engine(files);
  engine.deploy_one_model(options_of(Durability::kCommitted));
  engine.serve(1, 1);
  CLAIM(until([&] { return drain(*engine.port).size() == 1; }));
  files.remove_all();
  engine.serve(1, 1);
  std::vector<Outcome> outcomes;
  CLAIM(until([&] { return !(outcomes = drain(*engine.port)).empty(); }));
  CLAIM(outcomes[0].code == StatusCode::kStorage);
  CLAIM(until([&] { return engine.stats().failing_logs == 0; }));
  engine.serve(1, 1);
  CLAIM(until([&] { return !(outcomes = drain(*engine.port)).empty(); }));
  CLAIM(outcomes[0].code == StatusCode::kOk && rows_in(files) == 1);
}

TEST("log: segments end at their size, take the next number, and are sealed") {
  MemoryFiles files;
  files.put(kFolder + "/0000000041.retired");
  LoggedEngine engine(files);
  LogOptions options = options_of(Durability::kAsync);
  options.segment_bytes_max = 1000;
  engine.deploy_one_model(options);
  for (int i = 0; i < 10; ++i) {
    engine.serve(8, 1);
    engine.flush_log();
  }
  engine.close_log();
  int64_t rows = 0;
  uint64_t sequence = 42;
  for (const auto& [path, content] : files.files()) {
    if (path.ends_with(".retired")) continue;
    const StreamRead stream = read_stream(content);
    CLAIM(stream.is_whole && stream.has_end);
    CLAIM(path.starts_with(kFolder + "/00000000" + std::to_string(sequence++) + "-"));
    CLAIM(path.ends_with(std::string("-").append(std::to_string(stream.rows())).append(".arrows")));
    rows += stream.rows();
  }
  CLAIM(rows == 80 && sequence > 44);
  CLAIM(engine.answered + drain(*engine.port).size() == 80);
}

TEST("log: nothing grows without bound: what does not fit is dropped and counted") {
  MemoryFiles files;
  LoggedEngine engine(files);
  engine.deploy_one_model(options_of(Durability::kAsync));
  files.shut_gate();
  engine.serve(1, 1);
  engine.flush_log();
  std::this_thread::sleep_for(std::chrono::milliseconds(1200));  // the writer is in its sync now
  const std::vector<std::byte> message(RowLog::kBufferedBytesMax / 4);
  for (int i = 0; i < 6; ++i) engine.log->append_encoded(message, {1000, 0, 0}, {});
  CLAIM(engine.stats().dropped_rows == 2000);
  engine.serve(3, 1);
  CLAIM(engine.stats().dropped_rows == 2003);
  CLAIM(engine.answered + drain(*engine.port).size() == 4);
  files.open_gate();
  CLAIM(until([&] { return engine.stats().rows == 4001; }));
}

TEST("log: lists that a record batch cannot count begin the next one, and are refused where they alone are too many") {
  for (const Durability durability : {Durability::kAsync, Durability::kCommitted}) {
    MemoryFiles files;
    LoggedEngine engine(files);
    LogOptions options = options_of(durability);
    options.columns[1].elements = 0;  // in.x is a list
    options.list_elements_max = 4 * kWidth;
    engine.deploy_one_model(options, 6);
    files.shut_gate();    // what comes meanwhile lies in one buffer
    engine.serve(1, 3);   // a batch of its own, and half of the next: no more fits beside it
    engine.serve(1, 3);
    engine.serve(1, 5);   // too many of one request, in whichever batches its rows ran
    engine.serve(1, 4);   // as many as there may be
    files.open_gate();
    std::vector<Outcome> outcomes;
    CLAIM(until([&] {
      for (const Outcome& outcome : drain(*engine.port)) outcomes.push_back(outcome);
      return outcomes.size() == 4;
    }));
    const auto failed = std::count_if(outcomes.begin(), outcomes.end(),
                                      [](const Outcome& outcome) { return outcome.code == StatusCode::kStorage; });
    CLAIM(failed == (durability == Durability::kCommitted ? 1 : 0));
    engine.close_log();
    CLAIM(engine.stats().rows == 10 && engine.stats().dropped_rows == 5);
    CLAIM(engine.stats().failing_logs == 0);
    CLAIM(rows_in(files) == 10);
    for (const auto& [path, content] : files.files())
      for (const BatchRead& batch : read_stream(content).batches) {
        // time: validity, values; in.x: validity, offsets …
        for (int64_t row = 0; row <= batch.rows; ++row)
          CLAIM(batch.value<int32_t>(3, static_cast<size_t>(row)) == row * static_cast<int64_t>(kWidth));
      }
  }
}

TEST("log: a plan whose columns do not fit is refused") {
  MemoryFiles files;
  LoggedEngine engine(files);
  const auto fault_of = [&](const LogColumn& column) {
    auto plan = make_plan({{one_model(make_queue(engine.runtime, 10), from_request())}});
    LogOptions options = options_of(Durability::kAsync);
    options.columns.push_back(column);
    const auto log = engine.log_writer->open(engine.pipeline.log_stats, options);
    plan->log = log;
    const std::string fault = plan->seal();
    log->close({});
    return fault;
  };
  CLAIM(fault_of(tensor_column(0, 0, SourceSide::kOutputs)).empty());
  CLAIM(!fault_of(tensor_column(1, 0, SourceSide::kOutputs)).empty());
  CLAIM(!fault_of(tensor_column(0, 0, SourceSide::kOutputs, kWidth + 1)).empty());
  CLAIM(!fault_of(column_of(ColumnKind::kAnomaly)).empty());
  CLAIM(!fault_of(column_of(ColumnKind::kElapsed, 5)).empty());
}

int main() {
  return run_all();
}

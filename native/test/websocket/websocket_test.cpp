// Claims about frames: what a stranger sends is either read right or refused, and what we write reads back.
#include "test/engine_fixture.hpp"
#include "test/infer_frame.hpp"
#include "test/meta_bytes.hpp"
#include "test/testing.hpp"
#include "websocket/gateway.hpp"

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <utility>

#include "core/assert.hpp"

using namespace penstock;
using namespace penstock::testing;
using namespace penstock::websocket;

namespace {
struct GatewayFixture {
  Engine engine;
  Gateway gateway{*engine.port};
  uint32_t connection = gateway.open_connection(4);
  Failure failure;
  int64_t channel = -1;
  int64_t id = -1;

  GatewayFixture() {
    CLAIM(engine.deploy(make_plan({{one_model(make_queue(engine.runtime, 10), from_request())}})).empty());
    // The engine's pipeline is not shared: lend it for the life of this fixture.
    CLAIM(gateway.open_channel(connection, 5, std::shared_ptr<Pipeline>(&engine.pipeline, [](Pipeline*) {}), false));
  }
  ~GatewayFixture() { gateway.close_connection(connection); }
  int32_t receive(const std::vector<uint8_t>& frame) {
    return gateway.receive(connection, {frame.data(), frame.size()}, failure, channel, id);
  }
  std::vector<Send> answer() {
    engine.run_all();
    PortCompletions completions = engine.port->collect();
    while (completions.answers != nullptr) {
      Request& request = *std::exchange(completions.answers, completions.answers->next_answer);
      if (gateway.collect(request) != Gateway::Answer::kFailed) continue;
      gateway.count_delivered(request.origin);
      Port::unref(request);
    }
    std::vector<Send> sends;
    gateway.reset_outbox();
    while (!gateway.encode(sends, 64)) gateway.reset_outbox();
    return sends;
  }
};

struct ReadResults {
  uint32_t channel = 0;
  Vector requests, rows, data, check_failures, routes, request_numbers, traceparents;
  bool is_sound = false;
};

ReadResults read_results(Bytes frame) {
  ReadResults results;
  Body type{};
  Table body;
  if (read_message(frame, type, body) != FrameFault::kNone || type != Body::kResults) return results;
  results.is_sound = body.scalar(slots::results::channel, results.channel) &&
                     body.vector(slots::results::requests, 4, results.requests) &&
                     body.vector(slots::results::rows, 4, results.rows) &&
                     body.vector(slots::results::data, 1, results.data) &&
                     body.vector(slots::results::check_failures, 8, results.check_failures) &&
                     body.vector(slots::results::routes, 2, results.routes) &&
                     body.vector(slots::results::request_numbers, 8, results.request_numbers) &&
                     body.vector(slots::results::traceparents, 4, results.traceparents);
  return results;
}
}  // namespace

TEST("websocket: requests of one channel that finish together come back in one frame") {
  GatewayFixture fixture;
  CLAIM(fixture.receive(infer_frame(5, 71, 1, {1, 2})) == 0);
  CLAIM(fixture.receive(infer_frame(5, 72, 2, {3, 4, 5, 6})) == 0);
  const auto sends = fixture.answer();
  CLAIM(sends.size() == 1 && sends[0].offset % 8 == 0);
  const auto* const frame = reinterpret_cast<const uint8_t*>(fixture.gateway.outbox()->data() + sends[0].offset);
  const ReadResults results = read_results({frame, sends[0].bytes});
  CLAIM(results.is_sound && results.channel == 5 && results.requests.count == 2 && results.rows.count == 2);
  CLAIM(results.requests.get<uint32_t>(0) == 71 && results.requests.get<uint32_t>(1) == 72);
  CLAIM(results.rows.get<uint32_t>(0) == 1 && results.rows.get<uint32_t>(1) == 2);
  CLAIM(results.data.count == 24);
  for (size_t i = 0; i < 6; ++i) CLAIM(results.data.get<float>(i) == static_cast<float>(i + 1) + 10.0f);
  CLAIM(fixture.gateway.find(fixture.connection)->in_flight == 0 && fixture.engine.port->in_flight() == 0);
}

TEST("websocket: a result has the traceparent of its request, where that is valid, and no frame has room for none") {
  const std::string parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const auto texts_of = [](const std::vector<std::vector<MetaBytes::Entry>>& metas) {
    GatewayFixture fixture;
    for (size_t i = 0; i < metas.size(); ++i)
      CLAIM(fixture.receive(infer_frame(5, static_cast<uint32_t>(i), 1, {1, 2}, Body::kInfer, 0, metas[i])) == 0);
    const auto sends = fixture.answer();
    CLAIM(sends.size() == 1);
    const auto* const frame = reinterpret_cast<const uint8_t*>(fixture.gateway.outbox()->data() + sends[0].offset);
    const ReadResults results = read_results({frame, sends[0].bytes});
    CLAIM(results.is_sound && results.requests.count == metas.size() && !results.request_numbers.exists());
    CLAIM(results.data.count == 8 * metas.size() && results.data.get<float>(0) == 11.0f);
    std::vector<std::string> texts;
    for (size_t i = 0; i < results.traceparents.count; ++i) {
      Vector text;
      CLAIM(Table::open_vector(results.traceparents.bytes, results.traceparents.at + 4 * i, 1, text));
      texts.emplace_back(Table::as_text(text));
    }
    return std::pair(texts, sends[0].bytes);
  };
  const auto [traced, traced_bytes] =
      texts_of({{}, {{"traceparent", {parent}}}, {{"k", {"v"}}}, {{"traceparent", {"no"}}}});
  CLAIM((traced == std::vector<std::string>{"", parent, "", ""}));
  const auto [untraced, untraced_bytes] = texts_of({{}, {{"k", {"v"}}}, {{"traceparent", {"no"}}}});
  const auto [plain, plain_bytes] = texts_of({{}, {}, {}});
  CLAIM(untraced.empty() && plain.empty() && untraced_bytes == plain_bytes);
}

TEST("websocket: a traceparent is not taken over by the next request in its slot") {
  GatewayFixture fixture;
  const std::string parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  for (const bool is_traced : {true, false, true, false}) {
    const std::vector<MetaBytes::Entry> meta = {{"traceparent", {is_traced ? parent : "no"}}};
    CLAIM(fixture.receive(infer_frame(5, 1, 1, {1, 2}, Body::kInfer, 0, meta)) == 0);
    const auto sends = fixture.answer();
    const auto* const frame = reinterpret_cast<const uint8_t*>(fixture.gateway.outbox()->data() + sends[0].offset);
    CLAIM(read_results({frame, sends[0].bytes}).traceparents.exists() == is_traced);
  }
}

TEST("websocket: a request without rows is answered at once, by a result without rows") {
  GatewayFixture fixture;
  CLAIM(fixture.receive(infer_frame(5, 71, 0, {})) == 0);
  CLAIM(fixture.receive(infer_frame(5, 72, 1, {1, 2})) == 0);
  size_t results_read = 0;
  for (const Send& send : fixture.answer()) {
    const auto* const frame = reinterpret_cast<const uint8_t*>(fixture.gateway.outbox()->data() + send.offset);
    const ReadResults results = read_results({frame, send.bytes});
    CLAIM(results.is_sound && results.rows.count == results.requests.count && results.data.count == 8);
    for (size_t i = 0; i < results.requests.count; ++i, ++results_read)
      CLAIM(results.rows.get<uint32_t>(i) == (results.requests.get<uint32_t>(i) == 71 ? 0 : 1));
  }
  CLAIM(results_read == 2 && fixture.gateway.find(fixture.connection)->in_flight == 0 &&
        fixture.engine.port->in_flight() == 0);
}

TEST("websocket: a result larger than the outbox gets a larger one, and the outbox serves on") {
  GatewayFixture fixture;
  auto plan = fixture.engine.pipeline.plan();
  plan->request_rows_max = 1u << 20u;
  plan->stages[0].positions[0].options[0].queue->limit_batches(size_t{1} << 20);
  const std::vector<float> rows = rows_of(200'000, 0);
  const auto* const data = reinterpret_cast<const std::byte*>(rows.data());
  const size_t row_bytes = kWidth * 4;
  Submission submission;
  submission.inputs = &data;
  submission.row_bytes = &row_bytes;
  submission.rows = 200'000;
  submission.origin = {.is_wire = true,
                       .connection = fixture.connection,
                       .connection_generation = fixture.gateway.find(fixture.connection)->generation,
                       .channel = 5,
                       .wire_id = 8};
  ++fixture.gateway.find(fixture.connection)->in_flight;
  CLAIM(submit(*fixture.engine.port, fixture.engine.pipeline, plan, submission, fixture.failure) != nullptr);
  const auto sends = fixture.answer();
  CLAIM(sends.size() == 1 && sends[0].bytes > Gateway::kOutboxBytes);
  const auto* const frame = reinterpret_cast<const uint8_t*>(fixture.gateway.outbox()->data() + sends[0].offset);
  const ReadResults results = read_results({frame, sends[0].bytes});
  CLAIM(results.is_sound && results.data.count == rows.size() * 4);
  CLAIM(results.data.get<float>(rows.size() - 1) == rows.back() + 10.0f);
  CLAIM(fixture.receive(infer_frame(5, 9, 1, {1, 2})) == 0 && fixture.answer().size() == 1);
}

TEST("websocket: a frame whose numbers lie is refused with the reason, and the next good one is answered") {
  GatewayFixture fixture;
  CLAIM(fixture.receive(infer_frame(6, 1, 1, {1, 2})) == -static_cast<int32_t>(StatusCode::kChannelNotFound));
  CLAIM(fixture.channel == 6 && fixture.id == 1);
  CLAIM(fixture.receive(infer_frame(UINT32_MAX, UINT32_MAX, 1, {1, 2})) ==
        -static_cast<int32_t>(StatusCode::kChannelNotFound));
  CLAIM(fixture.channel == UINT32_MAX && fixture.id == UINT32_MAX);
  CLAIM(fixture.receive(infer_frame(5, 1, 2, {1, 2})) == -static_cast<int32_t>(StatusCode::kShape));
  CLAIM(fixture.failure.details[1] == 16 && fixture.failure.details[2] == 8);
  CLAIM(fixture.receive(infer_frame(5, 1, 1, {1, 2, 3})) == -static_cast<int32_t>(StatusCode::kShape));
  CLAIM(fixture.receive(infer_frame(5, 1, 0, {1, 2})) == -static_cast<int32_t>(StatusCode::kShape));
  CLAIM(fixture.receive(infer_frame(5, 1, 4'000'000'000u, {1, 2})) == -static_cast<int32_t>(StatusCode::kTooManyRows));
  CLAIM(fixture.receive({}) == -static_cast<int32_t>(StatusCode::kFrame));
  CLAIM(fixture.receive(infer_frame(0, 0, 1, {}, Body::kCancel)) == static_cast<int32_t>(Body::kCancel));
  CLAIM(fixture.receive(infer_frame(5, 9, 1, {1, 2})) == 0);
  CLAIM(fixture.answer().size() == 1);
}

TEST("websocket: more than a window in flight is refused, and results give the credit back") {
  GatewayFixture fixture;
  for (uint32_t i = 0; i < 4; ++i) CLAIM(fixture.receive(infer_frame(5, i, 1, {1, 2})) == 0);
  CLAIM(fixture.receive(infer_frame(5, 9, 1, {1, 2})) == -static_cast<int32_t>(StatusCode::kCreditExceeded));
  CLAIM(fixture.answer().size() == 1);
  CLAIM(fixture.receive(infer_frame(5, 9, 1, {1, 2})) == 0);
  CLAIM(fixture.answer().size() == 1);
}

TEST("websocket: results to a congested socket give their credit back when the kernel took their frame") {
  GatewayFixture fixture;
  Connection& connection = *fixture.gateway.find(fixture.connection);
  fixture.gateway.set_congested(connection, true);
  for (uint32_t round = 0; round < 2; ++round) {
    CLAIM(fixture.receive(infer_frame(5, 2 * round, 1, {1, 2})) == 0);
    CLAIM(fixture.receive(infer_frame(5, 2 * round + 1, 1, {1, 2})) == 0);
    CLAIM(fixture.answer().size() == 1);
  }
  CLAIM(fixture.receive(infer_frame(5, 9, 1, {1, 2})) == -static_cast<int32_t>(StatusCode::kCreditExceeded));
  fixture.gateway.acknowledge(connection, 1);
  CLAIM(connection.in_flight == 2 && fixture.receive(infer_frame(5, 9, 1, {1, 2})) == 0);
  fixture.gateway.set_congested(connection, false);
  CLAIM(connection.in_flight == 1 && fixture.answer().size() == 1 && connection.in_flight == 0);
}

TEST("websocket: a closed connection's requests end, and its number serves the next one without a trace of them") {
  GatewayFixture fixture;
  CLAIM(fixture.receive(infer_frame(5, 1, 1, {1, 2})) == 0);
  fixture.gateway.close_connection(fixture.connection);
  const uint32_t next = fixture.gateway.open_connection(4);
  CLAIM(next == fixture.connection);
  CLAIM(fixture.answer().empty() && fixture.engine.port->in_flight() == 0);
  CLAIM(fixture.gateway.find(next)->in_flight == 0);
}

TEST("websocket: a cancel ends the request that it names and no other, and a closed channel ends its own") {
  GatewayFixture fixture;
  for (uint32_t i = 0; i < 3; ++i) CLAIM(fixture.receive(infer_frame(5, i, 1, {1, 2})) == 0);
  CLAIM(fixture.gateway.cancel(fixture.connection, 5, 1));
  CLAIM(!fixture.gateway.cancel(fixture.connection, 5, 1) && !fixture.gateway.cancel(fixture.connection, 4, 2));
  const auto sends = fixture.answer();
  CLAIM(sends.size() == 1);
  const auto* const frame = reinterpret_cast<const uint8_t*>(fixture.gateway.outbox()->data() + sends[0].offset);
  CLAIM(read_results({frame, sends[0].bytes}).requests.count == 2);
  CLAIM(fixture.receive(infer_frame(5, 9, 1, {1, 2})) == 0);
  fixture.gateway.close_channel(fixture.connection, 5);
  CLAIM(fixture.answer().empty());
  CLAIM(fixture.gateway.find(fixture.connection)->in_flight == 0 && fixture.engine.port->in_flight() == 0);
}

TEST("websocket: a signature that changed makes the channel stale") {
  GatewayFixture fixture;
  auto plan = make_plan({{one_model(make_queue(fixture.engine.runtime, 10), from_request())}});
  plan->splits.resize(0);
  plan->is_non_batching = true;
  CLAIM(fixture.engine.deploy(plan).empty());
  CLAIM(fixture.receive(infer_frame(5, 1, 1, {1, 2})) == -static_cast<int32_t>(StatusCode::kChannelStale));
  fixture.engine.pipeline.set_plan(nullptr);
  CLAIM(fixture.receive(infer_frame(5, 1, 1, {1, 2})) == -static_cast<int32_t>(StatusCode::kPipelineNotDeployed));
}

// Two inputs are not needed here: what lies where is the integration suite's.
std::vector<uint8_t> many_frame(uint32_t channel, const std::vector<uint32_t>& ids, const std::vector<uint32_t>& rows,
                                const std::vector<float>& data) {
  FrameBuilder b;
  b.put<uint32_t>(0, 16);
  b.put<uint16_t>(4, 8), b.put<uint16_t>(6, 12), b.put<uint16_t>(8, 8), b.put<uint16_t>(10, 4);
  b.put<int32_t>(16, 12), b.put<uint32_t>(20, 44 - 20), b.put<uint8_t>(24, static_cast<uint8_t>(Body::kInferMany));
  // vtable of InferMany at 28: channel, requests, rows, data
  b.put<uint16_t>(28, 12), b.put<uint16_t>(30, 20);
  const uint16_t fields[] = {4, 8, static_cast<uint16_t>(rows.empty() ? 0 : 12), 16};
  for (size_t i = 0; i < 4; ++i) b.put<uint16_t>(32 + 2 * i, fields[i]);
  b.put<int32_t>(44, 44 - 28), b.put<uint32_t>(48, channel), b.put<uint32_t>(56, 0);
  size_t at = 64;
  const auto put_all = [&](size_t field, const auto& values) {
    b.put<uint32_t>(field, static_cast<uint32_t>(at - field));
    b.put<uint32_t>(at, static_cast<uint32_t>(values.size()));
    for (size_t i = 0; i < values.size(); ++i) b.put(at + 4 + 4 * i, values[i]);
    at += 4 + 4 * values.size();
  };
  put_all(52, ids);
  if (!rows.empty()) put_all(56, rows);
  const size_t data_at = at;
  put_all(60, data);
  b.put<uint32_t>(data_at, static_cast<uint32_t>(data.size() * 4));
  return b.bytes();
}

struct Refused {
  StatusCode code;
  int64_t id;
};
std::vector<Refused> refusals_of(GatewayFixture& fixture) {
  std::vector<Refused> refused;
  Failure failure;
  int64_t channel = -1;
  for (int64_t id = -1; fixture.gateway.take_refusal(failure, channel, id);) refused.push_back({failure.code, id});
  return refused;
}

TEST("websocket: requests of one frame are answered each by its own rows") {
  GatewayFixture fixture;
  CLAIM(fixture.receive(many_frame(5, {7, 8, 9}, {1, 2, 0}, {1, 2, 3, 4, 5, 6})) == 0);
  CLAIM(fixture.gateway.find(fixture.connection)->in_flight == 3);
  const auto sends = fixture.answer();
  CLAIM(sends.size() == 1);
  const std::byte* const frame = fixture.gateway.outbox()->data() + sends[0].offset;
  const ReadResults results = read_results({reinterpret_cast<const uint8_t*>(frame), sends[0].bytes});
  CLAIM(results.is_sound && results.requests.count == 3 && results.rows.count == 3);
  // The request without rows is answered at once.
  size_t at = 0;
  for (size_t i = 0; i < 3; ++i) {
    const auto id = results.requests.get<uint32_t>(i);
    const auto rows = results.rows.get<uint32_t>(i);
    CLAIM(rows == (id == 7 ? 1 : id == 8 ? 2 : 0));
    for (size_t k = 0; k < rows * 2; ++k)
      CLAIM(results.data.get<float>(at++) == static_cast<float>((id == 7 ? 1 : 3) + k) + 10.0f);
  }
  CLAIM(fixture.gateway.find(fixture.connection)->in_flight == 0);
}

TEST("websocket: of a frame's requests the refused one is named, and its neighbours are answered") {
  GatewayFixture fixture;
  CLAIM(fixture.receive(many_frame(5, {1, 2, 3}, {1, 1, 1}, {1, 2, 3, 4})) == kReceivedWithRefusals);
  CLAIM(refusals_of(fixture).size() == 3);  // whose bytes are missing nobody can say
  CLAIM(fixture.receive(many_frame(6, {1, 2}, {}, {1, 2, 3, 4})) == kReceivedWithRefusals);
  const auto lost = refusals_of(fixture);
  CLAIM(lost.size() == 2 && lost[0].code == StatusCode::kChannelNotFound && lost[1].id == 2);
  fixture.engine.pipeline.plan()->request_rows_max = 4;
  CLAIM(fixture.receive(many_frame(5, {1, 2, 3}, {1, 5, 2}, std::vector<float>(16, 1.0f))) == kReceivedWithRefusals);
  const auto refused = refusals_of(fixture);
  CLAIM(refused.size() == 1 && refused[0].id == 2 && refused[0].code == StatusCode::kTooManyRows);
  CLAIM(fixture.gateway.find(fixture.connection)->in_flight == 2);
  CLAIM(fixture.answer().size() == 1);
  CLAIM(refusals_of(fixture).empty());
}

TEST("websocket: a frame with more requests than credit admits none of them") {
  GatewayFixture fixture;
  CLAIM(fixture.receive(infer_frame(5, 1, 1, {1, 2})) == 0);
  CLAIM(fixture.receive(many_frame(5, {2, 3, 4, 5}, {}, std::vector<float>(8, 1.0f))) ==
        -static_cast<int32_t>(StatusCode::kCreditExceeded));
  CLAIM(fixture.gateway.find(fixture.connection)->in_flight == 1);
  CLAIM(fixture.receive(many_frame(5, {2, 3, 4}, {}, std::vector<float>(6, 1.0f))) == 0);
  fixture.answer();
}

TEST("websocket: fields of an InferMany that speak of other numbers of requests are malformed") {
  GatewayFixture fixture;
  const int32_t malformed = -static_cast<int32_t>(StatusCode::kFrame);
  CLAIM(fixture.receive(many_frame(5, {1, 2}, {1}, {1})) == malformed);
  CLAIM(fixture.receive(many_frame(5, {}, {}, {1})) == malformed);
  CLAIM(fixture.receive(many_frame(5, {1, 2}, {UINT32_MAX, 1}, {1})) == malformed);
  CLAIM(fixture.gateway.find(fixture.connection)->in_flight == 0);
}

TEST("websocket: truncations and bit flips of a frame are refused or read inside the buffer") {
  for (const std::vector<uint8_t>& good :
       {infer_frame(5, 3, 1, {1, 2}), many_frame(5, {3, 4}, {1, 2}, {1, 2, 3, 4, 5, 6})}) {
    GatewayFixture fixture;
    for (size_t size = 0; size < good.size(); ++size) {
      const std::vector<uint8_t> cut(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size));
      CLAIM(fixture.receive(cut) != 0);
    }
    std::mt19937 random(20261121);
    for (int i = 0; i < 20000; ++i) {
      std::vector<uint8_t> bent = good;
      for (uint32_t flips = 1 + random() % 4; flips > 0; --flips)
        bent[random() % bent.size()] ^= static_cast<uint8_t>(1u << (random() % 8));
      const int32_t outcome = fixture.receive(bent);
      if (outcome == 0 || outcome == kReceivedWithRefusals) fixture.answer();
    }
    fixture.answer();
    CLAIM(fixture.receive(good) == 0);
    CLAIM(fixture.answer().size() == 1 && fixture.engine.port->in_flight() == 0);
  }
}

int main() {
  return run_all();
}

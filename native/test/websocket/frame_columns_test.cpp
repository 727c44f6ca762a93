// Claims about columns in frames: sound ones become the plan's tensors and their answers what the caller gets, whatever
// a stranger sends is left to JavaScript with nothing done, and no byte outside of a frame is read.
#include "test/engine_fixture.hpp"
#include "test/testing.hpp"
#include "websocket/gateway.hpp"

#include <algorithm>
#include <random>
#include <string>
#include <utility>

using namespace penstock;
using namespace penstock::testing;
using namespace penstock::transform;
using namespace penstock::websocket;

namespace {
constexpr auto kLeft = static_cast<int32_t>(Body::kInfer);

Instruction instruction(TransformOpcode opcode, std::vector<ValueIndex> inputs, ValueIndex output) {
  Instruction made;
  made.opcode = opcode;
  made.inputs = std::move(inputs);
  made.outputs = {output};
  return made;
}

ValueType floats(uint32_t width) {
  return {Dtype::kFloat32, false, width};
}

// float32 size, text colour: the model's two floats are the size and the place of the colour among red and white.
ProgramSpec raw_row(int64_t unknown = static_cast<int64_t>(CategoryCode::kFails)) {
  ProgramSpec spec;
  spec.values = {floats(1), {Dtype::kString, false, 1}, {Dtype::kInt32, false, 1}, floats(1), floats(2)};
  spec.input_count = 2;
  Instruction lookup = instruction(TransformOpcode::kLookup, {1}, 2);
  lookup.keys = KeyTable(std::vector<std::string>{"red", "white"});
  lookup.integers.assign(2, unknown);
  spec.instructions = {lookup, instruction(TransformOpcode::kCast, {2}, 3),
                       instruction(TransformOpcode::kConcat, {0, 3}, 4)};
  spec.outputs = {4};
  return spec;
}

// Both floats of the answer doubled, and the second of them once more.
ProgramSpec doubled() {
  ProgramSpec spec;
  spec.values = {floats(2), floats(2), floats(1)};
  spec.input_count = 1;
  Instruction scale = instruction(TransformOpcode::kScale, {0}, 1);
  scale.numbers = {2, 2, 0, 0};
  Instruction slice = instruction(TransformOpcode::kSlice, {1}, 2);
  slice.integers = {1};
  spec.instructions = {scale, slice};
  spec.outputs = {1, 2};
  return spec;
}

std::shared_ptr<const TransformProgram> built(ProgramSpec spec) {
  std::string fault;
  auto program = TransformProgram::build(std::move(spec), fault);
  if (program == nullptr) std::printf("  fault: %s\n", fault.c_str());
  CLAIM(program != nullptr);
  return program;
}

ColumnFormOptions wine_form() {
  ColumnFormOptions options;
  options.input = built(raw_row());
  options.input_columns = {0};
  options.output = built(doubled());
  options.output_columns = {0, 1};
  options.signature = "size,colour";
  return options;
}

// An Infer as a client writes it, its strings one behind the other.
struct ColumnsFrame {
  uint32_t channel = 5;
  uint32_t request = 1;
  uint32_t rows = 1;
  std::vector<float> data;
  std::vector<std::string> texts;

  std::vector<uint8_t> bytes() const {
    std::vector<uint8_t> frame;
    const auto put = [&](auto value) {
      const auto* const first = reinterpret_cast<const uint8_t*>(&value);
      frame.insert(frame.end(), first, first + sizeof(value));
    };
    const auto set = [&](size_t at, uint32_t value) { std::memcpy(frame.data() + at, &value, 4); };
    put(uint32_t{16}), put(uint16_t{8}), put(uint16_t{12}), put(uint16_t{8}), put(uint16_t{4});
    while (frame.size() < 16) put(uint8_t{0});
    put(int32_t{12}), put(uint32_t{52 - 20}), put(uint32_t{static_cast<uint8_t>(Body::kInfer)});
    // vtable of Infer at 28: channel, request, rows, data, dims, meta, deadline, priority, texts
    put(uint16_t{22}), put(uint16_t{24});
    constexpr uint16_t kFields[] = {4, 8, 12, 16, 0, 0, 0, 0, 20};
    for (const uint16_t field : kFields) put(field);
    while (frame.size() < 52) put(uint8_t{0});
    put(int32_t{52 - 28}), put(channel), put(request), put(rows), put(uint32_t{0}), put(uint32_t{0});
    set(68, static_cast<uint32_t>(frame.size() - 68));
    put(static_cast<uint32_t>(data.size() * 4));
    for (const float value : data) put(value);
    while (frame.size() % 4 != 0) put(uint8_t{0});
    set(72, static_cast<uint32_t>(frame.size() - 72));
    put(static_cast<uint32_t>(texts.size()));
    const size_t offsets = frame.size();
    frame.resize(frame.size() + 4 * texts.size());
    for (size_t i = 0; i < texts.size(); ++i) {
      set(offsets + 4 * i, static_cast<uint32_t>(frame.size() - offsets - 4 * i));
      put(static_cast<uint32_t>(texts[i].size()));
      for (const char c : texts[i]) put(static_cast<uint8_t>(c));
      do put(uint8_t{0});
      while (frame.size() % 4 != 0);
    }
    return frame;
  }
};

struct Fixture {
  Engine engine;
  Gateway gateway{*engine.port};
  uint32_t connection = gateway.open_connection(64);
  Failure failure;

  explicit Fixture(ColumnFormOptions options = wine_form()) {
    CLAIM(deploy(std::move(options)).empty());
    // The engine's pipeline is not shared: lend it for the life of this fixture.
    gateway.open_channel(connection, 5, std::shared_ptr<Pipeline>(&engine.pipeline, [](Pipeline*) {}), false);
  }
  ~Fixture() { gateway.close_connection(connection); }
  std::string deploy(ColumnFormOptions options) {
    auto plan = make_plan({{one_model(make_queue(engine.runtime, 10), from_request())}});
    std::string fault = plan->seal();
    auto form = ColumnForm::make(std::move(options), fault);
    if (form != nullptr) fault = plan->bind_columns(std::move(form));
    engine.pipeline.set_plan(std::move(plan));
    return fault;
  }
  int32_t receive(const std::vector<uint8_t>& frame) {
    int64_t channel = -1;
    int64_t id = -1;
    return gateway.receive(connection, {frame.data(), frame.size()}, failure, channel, id);
  }
  void finish() {
    engine.run_all();
    PortCompletions completions = engine.port->collect();
    while (completions.answers != nullptr) {
      Request& request = *std::exchange(completions.answers, completions.answers->next_answer);
      if (gateway.collect(request) != Gateway::Answer::kFailed) continue;
      gateway.count_delivered(request.origin);
      Port::unref(request);
    }
  }
  // The numbers of all results that can be sent, in the order of their frames.
  std::vector<float> sent() {
    std::vector<Send> sends;
    std::vector<float> numbers;
    for (bool is_done = false; !is_done;) {
      gateway.reset_outbox();
      sends.clear();
      is_done = gateway.encode(sends, 64);
      for (const Send& send : sends) {
        Body type{};
        Table body;
        Vector data;
        const auto* const frame = reinterpret_cast<const uint8_t*>(gateway.outbox()->data() + send.offset);
        CLAIM(read_message({frame, send.bytes}, type, body) == FrameFault::kNone && type == Body::kResults);
        CLAIM(body.vector(slots::results::data, 1, data));
        for (size_t i = 0; i < data.count / 4; ++i) numbers.push_back(data.get<float>(i));
      }
    }
    return numbers;
  }
  std::vector<float> answer() {
    finish();
    return sent();
  }
};

const std::vector<float> kRedOne = {22, 20, 20};  // 2 * (1 + 10), 2 * (0 + 10), and that again
}  // namespace

TEST("frame columns: rows become tensors, and the caller gets what the program behind the model makes") {
  Fixture fixture;
  CLAIM(fixture.receive(ColumnsFrame{.data = {1}, .texts = {"red"}}.bytes()) == 0);
  CLAIM(fixture.answer() == kRedOne);
  // Column by column, as data has them: both rows of the first output, then those of the second.
  CLAIM(fixture.receive(ColumnsFrame{.rows = 2, .data = {1, 2}, .texts = {"white", "red"}}.bytes()) == 0);
  CLAIM((fixture.answer() == std::vector<float>{22, 22, 24, 20, 22, 20}));
  CLAIM(fixture.engine.port->in_flight() == 0 && fixture.engine.runtime->budget.used_bytes() == 0);
}

TEST("frame columns: numbers may lie at any address of the frame") {
  Fixture fixture;
  const std::vector<uint8_t> frame = ColumnsFrame{.data = {1}, .texts = {"red"}}.bytes();
  for (size_t shift = 0; shift < 8; ++shift) {
    std::vector<uint8_t> moved(frame.size() + 8);
    std::copy(frame.begin(), frame.end(), moved.begin() + static_cast<std::ptrdiff_t>(shift));
    int64_t channel = -1;
    int64_t id = -1;
    const Bytes bytes{moved.data() + shift, frame.size()};
    CLAIM(fixture.gateway.receive(fixture.connection, bytes, fixture.failure, channel, id) == 0);
    CLAIM(fixture.answer() == kRedOne);
  }
}

TEST("frame columns: what is not surely right is left, and nothing was done") {
  Fixture fixture;
  const ColumnsFrame good{.data = {1}, .texts = {"red"}};
  const auto is_left = [&](auto&& change) {
    ColumnsFrame frame = good;
    change(frame);
    const int32_t outcome = fixture.receive(frame.bytes());
    return outcome == kLeft && fixture.engine.port->in_flight() == 0 &&
           fixture.gateway.find(fixture.connection)->in_flight == 0;
  };
  CLAIM(is_left([](ColumnsFrame& frame) { frame.texts = {"rose"}; }));
  CLAIM(is_left([](ColumnsFrame& frame) { frame.texts = {}; }));
  CLAIM(is_left([](ColumnsFrame& frame) { frame.texts = {"red", "red"}; }));
  CLAIM(is_left([](ColumnsFrame& frame) { frame.texts = {std::string("re\0d", 4)}; }));
  CLAIM(is_left([](ColumnsFrame& frame) { frame.texts = {"\xEF\xBB\xBFred"}; }));
  for (const char* const text : {"\xC3", "\x80", "\xED\xA0\x80", "\xC0\xAF", "\xF4\x90\x80\x80"})
    CLAIM(is_left([&](ColumnsFrame& frame) { frame.texts = {text}; }));
  CLAIM(is_left([](ColumnsFrame& frame) { frame.data = {}; }));
  CLAIM(is_left([](ColumnsFrame& frame) { frame.data = {1, 2}; }));
  CLAIM(is_left([](ColumnsFrame& frame) { frame.rows = 2; }));
  CLAIM(is_left([](ColumnsFrame& frame) { frame.rows = 0; }));
  CLAIM(is_left([](ColumnsFrame& frame) { frame.rows = UINT32_MAX; }));
  CLAIM(fixture.receive(good.bytes()) == 0 && fixture.answer() == kRedOne);
}

TEST("frame columns: many offsets to one long text are left to the verifier, which counts them") {
  ColumnFormOptions options = wine_form();
  options.input = built(raw_row(1));
  Fixture fixture(std::move(options));
  constexpr uint32_t kRows = 2000;
  ColumnsFrame frame{.rows = kRows, .data = std::vector<float>(kRows, 1), .texts = std::vector<std::string>(kRows)};
  frame.texts.back() = "red";
  std::vector<uint8_t> bytes = frame.bytes();
  const size_t last = bytes.size() - 8;
  const size_t offsets = bytes.size() - 8 * size_t{kRows} - 4 * size_t{kRows};
  const auto share = [&](uint32_t text_bytes) {
    bytes.resize(last);
    bytes.resize(last + 4 + text_bytes + 4, 0);
    std::memcpy(bytes.data() + last, &text_bytes, 4);
    std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(last) + 4, text_bytes, uint8_t{'a'});
    for (size_t i = 0; i < kRows; ++i) {
      const auto distance = static_cast<uint32_t>(last - offsets - 4 * i);
      std::memcpy(bytes.data() + offsets + 4 * i, &distance, 4);
    }
  };
  share(4000);
  CLAIM(fixture.receive(bytes) == kLeft);
  share(3);
  CLAIM(fixture.receive(bytes) == 0 && fixture.answer().size() == 3 * size_t{kRows});
}

TEST("frame columns: of another plan it is JavaScript that says what is wrong") {
  Fixture fixture;
  const std::vector<uint8_t> frame = ColumnsFrame{.data = {1}, .texts = {"red"}}.bytes();
  ColumnFormOptions other = wine_form();
  other.signature = "size,hue";
  CLAIM(fixture.deploy(std::move(other)).empty() && fixture.receive(frame) == kLeft);
  CLAIM(fixture.deploy(wine_form()).empty() && fixture.receive(frame) == 0 && fixture.answer() == kRedOne);
  fixture.engine.pipeline.set_plan(nullptr);
  CLAIM(fixture.receive(frame) == kLeft);
}

TEST("frame columns: answers that a full socket keeps waiting are made once, charged, and come in order") {
  Fixture fixture;
  Connection& connection = *fixture.gateway.find(fixture.connection);
  fixture.gateway.set_congested(connection, true);
  connection.unread_bytes = Gateway::kUnreadBytesMax;
  std::vector<float> expected;
  for (uint32_t i = 0; i < 20; ++i) {
    const auto size = static_cast<float>(i);
    CLAIM(fixture.receive(ColumnsFrame{.request = i, .data = {size}, .texts = {"red"}}.bytes()) == 0);
    expected.insert(expected.end(), {2 * (size + 10), 20, 20});
    CLAIM(fixture.answer().empty());
  }
  CLAIM(fixture.engine.runtime->budget.used_bytes() > 20 * 12 && connection.ready_bytes > 20 * 12);
  connection.unread_bytes = 0;
  CLAIM(fixture.gateway.set_congested(connection, false));
  CLAIM(fixture.sent() == expected);
  CLAIM(fixture.engine.runtime->budget.used_bytes() == 0 && connection.ready_bytes == 0);
}

TEST("frame columns: a channel that is closed drops what was made, and the next one begins afresh") {
  Fixture fixture;
  CLAIM(fixture.receive(ColumnsFrame{.data = {7}, .texts = {"white"}}.bytes()) == 0);
  fixture.finish();
  const auto pipeline = std::shared_ptr<Pipeline>(&fixture.engine.pipeline, [](Pipeline*) {});
  CLAIM(fixture.gateway.open_channel(fixture.connection, 5, pipeline, false) && fixture.sent().empty());
  CLAIM(fixture.receive(ColumnsFrame{.data = {1}, .texts = {"red"}}.bytes()) == 0);
  CLAIM(fixture.answer() == kRedOne && fixture.engine.runtime->budget.used_bytes() == 0);
}

TEST("frame columns: a form that fits no plan, or whose answers could not be given, is refused") {
  Fixture fixture;
  const auto fault_of = [&](auto&& change) {
    ColumnFormOptions options = wine_form();
    change(options);
    return fixture.deploy(std::move(options));
  };
  CLAIM(fault_of([](ColumnFormOptions&) {}).empty());
  CLAIM(!fault_of([](ColumnFormOptions& form) { form.input_columns = {1}; }).empty());
  CLAIM(!fault_of([](ColumnFormOptions& form) { form.input_columns = {}; }).empty());
  CLAIM(!fault_of([](ColumnFormOptions& form) { form.input_columns = {0, 0}; }).empty());
  CLAIM(!fault_of([](ColumnFormOptions& form) { form.output_columns = {2}; }).empty());
  CLAIM(!fault_of([](ColumnFormOptions& form) { form.free_dims = {1}; }).empty());
  CLAIM(!fault_of([](ColumnFormOptions& form) { form.input = form.output = nullptr; }).empty());
  CLAIM(!fault_of([](ColumnFormOptions& form) { form.output = built(raw_row()); }).empty());
  CLAIM(!fault_of([](ColumnFormOptions& form) {
           ProgramSpec spec = raw_row();
           spec.outputs = {0};
           form.input = built(std::move(spec));
         }).empty());
  // A lookup that may fail its row, before the model and behind it.
  CLAIM(built(raw_row())->may_fail() && !built(doubled())->may_fail());
  CLAIM(fault_of([](ColumnFormOptions& form) {
          form.output = nullptr;
          form.output_columns = {};
        }).empty());
}

TEST("frame columns: truncations and bit flips are refused, left or read inside the buffer") {
  Fixture fixture;
  const std::vector<uint8_t> good = ColumnsFrame{.rows = 2, .data = {1, 2}, .texts = {"white", "red"}}.bytes();
  for (size_t size = 0; size < good.size(); ++size) {
    // A copy, so that a sanitizer sees what is read behind it.
    const std::vector<uint8_t> cut(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size));
    CLAIM(fixture.receive(cut) != 0 || size + 3 >= good.size());
  }
  fixture.answer();
  std::mt19937 random(20261201);
  for (int i = 0; i < 30000; ++i) {
    std::vector<uint8_t> bent = good;
    for (uint32_t flips = 1 + random() % 4; flips > 0; --flips)
      bent[random() % bent.size()] ^= static_cast<uint8_t>(1u << (random() % 8));
    if (fixture.receive(bent) == 0) fixture.answer();
  }
  fixture.answer();
  CLAIM(fixture.receive(good) == 0 && fixture.answer().size() == 6 && fixture.engine.port->in_flight() == 0);
}

int main() {
  return run_all();
}

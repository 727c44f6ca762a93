// Rows by the names of a contract on their way to tensors: what fills which element, what an answer repeats, which
// bodies are left, and that none, however broken, is read beyond its end.
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "json/rows_form.hpp"
#include "test/contract/contract_fixture.hpp"
#include "test/testing.hpp"

using namespace penstock;
using namespace penstock::testing;
using json::RowsForm;
using json::RowsFormOptions;

namespace {
// x[4] of float32, filled by a bounded float32, a bool and a pair of int16; y[1] is answered, beside an id and a
// number.
struct Form {
  Form() {
    plan.key = 7;
    plan.request_rows_max = 100;
    plan.inputs = {{Dtype::kFloat32, {4}}};
    plan.stages.resize(1);
    plan.answer.resize(1);
    plan.answer[0].common = {Dtype::kFloat32, {1}};
    bounded.is_nullable = true;
    bounded.max.value = 0.1;
    pair.dims = {2};
    id.is_nullable = true;
    id.is_required = false;
    options.features = {{0, 0, 2}, {1, 0, 3}, {2, 0, 0}};
    RowsFormOptions::Member member;
    member.kind = RowMember::kEcho;
    member.head = "\"id\":";
    member.field = 3;
    options.members.push_back(member);
    member.head = ",\"a\":";
    member.field = 0;
    options.members.push_back(member);
    member = {};
    member.kind = RowMember::kOutput;
    member.head = ",\"y\":";
    options.members.push_back(member);
    options.is_narrowed = {true, false, false, false};
  }
  bool make() {
    form = RowsForm::make(spec_of({bounded, flag, pair, id}), SipKey{1, 2}, plan, options, fault);
    return form != nullptr;
  }
  // On the heap and exactly as long as the text, so that a sanitizer sees a read beyond the end.
  bool read(const std::string& text) {
    const std::vector<char> bytes(text.begin(), text.end());
    return form->read({bytes.data(), bytes.size()}, echoes);
  }
  float value(size_t index) const {
    float element;
    std::memcpy(&element, form->submission().inputs[0] + index * 4, 4);
    return element;
  }

  Plan plan;
  FieldOptions bounded = field("a", Dtype::kFloat64);
  FieldOptions flag = field("flag", Dtype::kBool);
  FieldOptions pair = field("pair", Dtype::kInt16);
  FieldOptions id = field("id", Dtype::kString);
  RowsFormOptions options;
  std::shared_ptr<RowsForm> form;
  json::Echoes echoes;
  std::string fault;
};
}  // namespace

TEST("rows form: features go where they belong, numbers as the contract's dtype has them") {
  Form form;
  CLAIM(form.make());
  CLAIM(form.read(R"([{"a":0.1,"flag":true,"pair":[-3,500]},{"pair":[1,2],"a":null,"flag":false,"id":"q\"\u0001"}])"));
  const Submission submission = form.form->submission();
  CLAIM(submission.rows == 2 && submission.row_bytes[0] == 16);
  CLAIM(form.value(0) == -3 && form.value(1) == 500 && form.value(2) == 0.1F && form.value(3) == 1);
  CLAIM(form.value(4) == 1 && form.value(5) == 2 && form.value(6) != form.value(6) && form.value(7) == 0);
  CLAIM(!form.echoes.is_one && form.echoes.text == R"(null0.1"q\"\u0001"null)");
  CLAIM(form.echoes.ends == std::vector<uint32_t>({4, 7, 18, 22}));
  CLAIM(form.read(R"( {"a":-1,"flag":false,"pair":[0,0],"id":""} )") && form.echoes.is_one);
  CLAIM(form.echoes.text == R"(""-1)" && form.form->answer_characters(1, form.echoes) > form.echoes.text.size());
}

TEST("rows form: rows in which anything is found are left") {
  Form form;
  CLAIM(form.make());
  for (const char* const text :
       {"", "[]", "{}", R"({"a":0.1000000001,"flag":true,"pair":[1,2]})", R"({"a":0,"flag":1,"pair":[1,2]})",
        R"({"a":0,"flag":true,"pair":[1,null]})", R"({"a":0,"flag":true,"pair":[1]})",
        R"({"a":0,"flag":true,"pair":[1,2],"more":1})", R"({"a":0,"a":0,"flag":true,"pair":[1,2]})",
        R"({"a":0,"flag":true,"pair":[1,2],"id":"\ud800"})", R"({"a":0,"flag":true,"pair":[1,2]}x)"})
    CLAIM(!form.read(text));
  const std::string row = R"({"a":0,"flag":true,"pair":[1,2]})";
  std::string many = "[" + row;
  for (int i = 0; i < 99; ++i) many += "," + row;
  CLAIM(form.read(many + "]") && form.form->submission().rows == 100 && !form.read(many + "," + row + "]"));
  CLAIM(!form.read(row + std::string(RowsForm::kShortBodyBytes, ' ')));
}

TEST("rows form: one that does not fit its plan is refused, in a sentence") {
  const auto refuses = [](auto&& change) {
    Form form;
    change(form);
    return !form.make() && !form.fault.empty();
  };
  CLAIM(refuses([](Form& form) { form.plan.is_non_batching = true; }));
  CLAIM(refuses([](Form& form) { form.plan.stages.clear(); }));
  CLAIM(refuses([](Form& form) { form.plan.checks.resize(1); }));
  CLAIM(refuses([](Form& form) { form.plan.inputs[0].dims = {-1}; }));
  CLAIM(refuses([](Form& form) { form.plan.inputs[0].dims = {5}; }));
  CLAIM(refuses([](Form& form) { form.options.features.pop_back(); }));
  CLAIM(refuses([](Form& form) { form.options.features[0].start = 4; }));
  CLAIM(refuses([](Form& form) { form.options.is_narrowed = {false, false, false, false}; }));
  CLAIM(refuses([](Form& form) { form.plan.answer[0].common.dims = {-1}; }));
  CLAIM(refuses([](Form& form) { form.plan.answer[0].common.dims = {2}; }));
  CLAIM(refuses([](Form& form) { form.options.members[0].field = 2; }));
}

TEST("rows form: columns go through the program in front of the models, what is missing with its bits") {
  using namespace penstock::transform;
  // a float32?, id text?, x: a, then the place of id among two, and 2 where it is missing.
  ProgramSpec spec;
  const auto floats = [](uint32_t width) { return ValueType{Dtype::kFloat32, false, width}; };
  spec.values = {floats(1), {Dtype::kString, true, 1}, {Dtype::kInt32, false, 1}, floats(1), floats(2)};
  spec.input_count = 2;
  const auto add = [&](TransformOpcode opcode, std::vector<ValueIndex> inputs, ValueIndex output) -> Instruction& {
    Instruction& made = spec.instructions.emplace_back();
    made.opcode = opcode;
    made.inputs = std::move(inputs);
    made.outputs = {output};
    return made;
  };
  Instruction& lookup = add(TransformOpcode::kLookup, {1}, 2);
  lookup.keys = KeyTable(std::vector<std::string>{"red", "white"});
  lookup.integers = {static_cast<int64_t>(CategoryCode::kFails), 2};
  add(TransformOpcode::kCast, {2}, 3);
  add(TransformOpcode::kConcat, {0, 3}, 4);
  spec.outputs = {4};
  Form form;
  form.plan.inputs = {{Dtype::kFloat32, {2}}};
  ColumnFormOptions columns;
  columns.input = TransformProgram::build(std::move(spec), form.fault);
  columns.input_columns = {0};
  CLAIM(form.plan.bind_columns(ColumnForm::make(std::move(columns), form.fault)).empty());
  form.options.features = {{0, 0, 0}, {3, 1, 0}};
  CLAIM(form.make());
  CLAIM(form.read(R"([{"a":0.1,"flag":true,"pair":[1,2],"id":"white"},{"a":null,"flag":true,"pair":[1,2]}])"));
  CLAIM(form.form->submission().rows == 2 && form.form->submission().row_bytes[0] == 8);
  CLAIM(form.value(0) == 0.1F && form.value(1) == 1 && form.value(2) != form.value(2) && form.value(3) == 2);
  CLAIM(!form.read(R"({"a":0,"flag":true,"pair":[1,2],"id":"rose"})"));
  CLAIM(form.read(R"({"a":0,"flag":true,"pair":[1,2],"id":"red"})") && form.value(1) == 0);
  const auto refuses = [&](std::vector<RowsFormOptions::Feature> features) {
    form.options.features = std::move(features);
    return !form.make() && !form.fault.empty();
  };
  CLAIM(refuses({{0, 0, 0}}) && refuses({{3, 1, 0}, {0, 0, 0}}) && refuses({{0, 0, 0}, {0, 1, 0}}));
  CLAIM(refuses({{3, 0, 0}, {3, 1, 0}}) && refuses({{0, 0, 1}, {3, 1, 0}}) && refuses({{2, 0, 0}, {3, 1, 0}}));
}

TEST("rows form: keys of rows are their texts, numbers as their digits, and none where no row has one") {
  Form form;
  form.options.keys = {{3, "id"}, {1, "flag"}, {0, "a"}};
  CLAIM(form.make());
  CLAIM(form.read(R"([{"a":null,"flag":true,"pair":[1,2]},{"pair":[1,2],"a":null,"flag":false,"id":"q\""}])"));
  const Submission submission = form.form->submission();
  CLAIM(submission.row_keys.size() == 2 && submission.row_keys[0].name == "id");
  CLAIM(submission.row_keys[0].text(0) == "" && submission.row_keys[0].text(1) == "q\"");
  CLAIM(submission.row_keys[1].text(0) == "true" && submission.row_keys[1].text(1) == "false");
  form.form->trim();
  CLAIM(form.form->submission().row_keys.empty());
  form.options.keys = {{2, "pair"}};
  CLAIM(!form.make() && !form.fault.empty());
}

TEST("rows form: mutated bodies are taken or left, and none is read beyond its end") {
  Form form;
  CLAIM(form.make());
  const std::string body =
      R"([{"a":0.05,"flag":true,"pair":[-3,5],"id":"\u00e4x"},{"pair":[1,2],"a":null,"flag":false}])";
  std::mt19937_64 random(11);
  const std::string alphabet = "[]{},:\"\\u0123456789.-+eE \xc3\xa4tfnl";
  size_t taken = 0;
  for (int i = 0; i < 60'000; ++i) {
    std::string text = body;
    for (size_t change = 1 + random() % 3; change > 0 && !text.empty(); --change) {
      const size_t at = random() % text.size();
      if (random() % 3 == 0)
        text.erase(at, 1 + random() % 2);
      else
        text[at] = alphabet[random() % alphabet.size()];
    }
    if (!form.read(text)) continue;
    ++taken;
    CLAIM(form.form->submission().rows == 2 && form.echoes.ends.size() == 4);
    CLAIM(form.echoes.ends.back() == form.echoes.text.size());
  }
  CLAIM(taken > 500);
}

int main() {
  return penstock::testing::run_all();
}

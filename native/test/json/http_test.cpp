// JSON bodies of columns: which are taken, what they become, and that none, however broken, is read beyond its end.
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "json/body.hpp"
#include "test/testing.hpp"

using namespace penstock;

namespace {
struct Reader {
  explicit Reader(std::vector<Field> inputs, std::vector<std::string> names, bool is_whole = false) {
    plan.inputs = std::move(inputs);
    plan.is_non_batching = is_whole;
    plan.request_rows_max = 100;
    form.input_names = std::move(names);
  }
  // On the heap and exactly as long as the text, so that a sanitizer sees a read beyond the end.
  bool read(const std::string& text) {
    const std::vector<char> bytes(text.begin(), text.end());
    return body.read({bytes.data(), bytes.size()}, plan, form);
  }
  uint32_t rows() const { return body.submission().rows; }
  float value(size_t input, size_t index) const {
    float element;
    std::memcpy(&element, body.submission().inputs[input] + index * 4, 4);
    return element;
  }

  Plan plan;
  AnswerForm form;
  json::Body body;
};

Reader pair() {
  return Reader({{Dtype::kFloat32, {3}}, {Dtype::kInt64, {-1}}}, {"x", "ids"});
}
}  // namespace

TEST("body: inputs bare or inside \"inputs\", in any order") {
  Reader reader = pair();
  for (const char* text : {R"({"x":[[1,2,3],[4,5,6]],"ids":[[1],[2]]})", R"( {"ids" : [[1],[2]], "x":[1,2,3,4,5,6]} )",
                           R"({"inputs":{"x":[[1,2,3],[4,5,6]],"ids":[[1],[2]]}})"}) {
    CLAIM(reader.read(text));
    CLAIM(reader.rows() == 2 && reader.value(0, 5) == 6);
    CLAIM(reader.body.submission().row_bytes[0] == 12 && reader.body.submission().row_bytes[1] == 8);
    CLAIM(reader.body.submission().free_dims[0] == 1);
  }
  CLAIM(reader.read(R"({"x":[1,2,3],"ids":[7,8]})") && reader.rows() == 1);
  CLAIM(reader.body.submission().free_dims[0] == 2);
}

TEST("body: options stand beside \"inputs\" and nowhere else") {
  Reader reader = pair();
  CLAIM(reader.read(R"({"deadlineMs":250,"inputs":{"x":[1,2,3],"ids":[1]},"priority":"background"})"));
  CLAIM(reader.body.deadline_ms() == 250 && reader.body.submission().priority == Priority::kBackground);
  CLAIM(reader.read(R"({"inputs":{"x":[1,2,3],"ids":[1]}})"));
  CLAIM(reader.body.deadline_ms() == 0 && reader.body.submission().priority == Priority::kInteractive);
  for (const char* text :
       {R"({"x":[1,2,3],"ids":[1],"deadlineMs":250})", R"({"inputs":{"x":[1,2,3],"ids":[1],"meta":{}}})",
        R"({"inputs":{"x":[1,2,3],"ids":[1]},"deadlineMs":0})",
        R"({"inputs":{"x":[1,2,3],"ids":[1]},"deadlineMs":1.5})",
        R"({"inputs":{"x":[1,2,3],"ids":[1]},"priority":"urgent"})",
        R"({"inputs":{"x":[1,2,3],"ids":[1]},"meta":{"a":1}})"})
    CLAIM(!reader.read(text));
}

TEST("body: what is missing, double, ragged, of unequal rows or too long is left") {
  Reader reader = pair();
  for (const char* text :
       {"", "{}", "[]", "null", "{", R"({"x":[1,2,3]})", R"({"x":[1,2,3],"x":[1,2,3],"ids":[1]})",
        R"({"x":[[1,2,3]],"ids":[[1],[2]]})", R"({"x":[[1,2]],"ids":[[1]]})", R"({"x":[1,2,3],"ids":[1]} x)",
        R"({"x":[1,2,3],"ids":[1],})", R"({"x":[1,2,3] "ids":[1]})", R"({"x":[1,2,3],"ids":[1],"y":1})",
        R"({"\u0078":[1,2,3],"ids":[1]})", R"({"x":[1,2,3],"inputs":{"ids":[1]}})",
        R"({"inputs":{"x":[1,2,3],"ids":[1]},"inputs":{}})"})
    CLAIM(!reader.read(text));
  Reader narrow({{Dtype::kFloat32, {1}}}, {"x"});
  std::string many = "{\"x\":[";
  for (int i = 0; i < 101; ++i) many += i == 0 ? "[1]" : ",[1]";
  CLAIM(!narrow.read(many + "]}"));
}

TEST("body: a whole tensor is one request, whatever its dims") {
  Reader reader({{Dtype::kFloat32, {-1, 2}}}, {"x"}, true);
  CLAIM(reader.read(R"({"x":[[1,2],[3,4],[5,6]]})") && reader.rows() == 1);
  CLAIM(reader.body.submission().row_bytes[0] == 24 && reader.body.submission().free_dims[0] == 3);
  CLAIM(!reader.read(R"({"x":[1,2]})"));
  Reader scalar({{Dtype::kFloat32, {}}}, {"x"}, true);
  CLAIM(scalar.read(R"({"x":1.5})") && scalar.value(0, 0) == 1.5f && !scalar.read(R"({"x":[1.5]})"));
}

TEST("body: mutated bodies are never read beyond their end") {
  std::mt19937_64 random(3);
  Reader reader = pair();
  const std::string alphabet = "[]{},:\"xidsnputmeaprioty0123456789.-+eE \\";
  for (int i = 0; i < 200'000; ++i) {
    std::string text =
        R"({"inputs":{"x":[[1,2,3.25e1]],"ids":[[12345678901]]},"deadlineMs":20,"priority":"background"})";
    for (size_t change = random() % 5; change > 0; --change) {
      const size_t at = random() % text.size();
      if (random() % 3 == 0)
        text.erase(at, 1 + random() % 3);
      else
        text[at] = alphabet[random() % alphabet.size()];
      if (text.empty()) text.push_back('{');
    }
    text.resize(random() % 4 == 0 ? random() % (text.size() + 1) : text.size());
    if (reader.read(text)) CLAIM(reader.rows() >= 1 && reader.rows() <= 100);
  }
}

int main() {
  return penstock::testing::run_all();
}

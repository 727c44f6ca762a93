// Rows by the names of a contract as a deployed pipeline takes and answers them without JavaScript: which fields of a
// row fill which elements of which input, and what an answer's object has, in pieces that are JSON text already.
//
//   body ─ read ─► columns (contract/row_reader.hpp) ─ fill ─► tensors of the plan's inputs ─► submit
//   the batches in which the outputs lie ─ print ─► `{"quality":5.3,"model":"wine@1"}`, a list of them
//
// It takes rows in which nothing was found; all others are TypeScript's, which has the words (src/engine/predict/).
// Prepared once a deploy by src/engine/predict/rows-form.ts, which sees to it that nothing in it depends on the
// request. Memory: the form's own, kept from request to request; what an answer repeats of its row is the caller's
// (Echoes). Thread: the port's.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "contract/row_reader.hpp"
#include "core/boundary_codes.hpp"
#include "json/text/read.hpp"
#include "runtime/answer_columns.hpp"
#include "plan/request_log.hpp"
#include "runtime/executor.hpp"

namespace penstock::json {
// What the answer to one request repeats of its rows, as JSON: row by row, in the order of the answer's members.
struct Echoes {
  std::string text;
  std::vector<uint32_t> ends;
  bool is_one = false;  // the rows came as one object, and so goes the answer

  void clear() noexcept {
    text.clear();
    ends.clear();
  }
  // Gives back what an unusually large request took: there may be as many of these as requests at a time.
  void trim() noexcept {
    constexpr size_t kKeptBytes = 1024;
    if (text.capacity() > kKeptBytes) text = {};
    if (ends.capacity() * sizeof(uint32_t) > kKeptBytes) ends = {};
  }
};

struct RowsFormOptions {
  struct Feature {
    uint32_t field = 0;  // of the contract's inputs
    size_t input = 0;    // of the plan; of its input program where it has one, which then takes them in this order
    size_t start = 0;    // the first element of the input's row that it fills, with all that it has
  };
  struct Member {
    RowMember kind = RowMember::kText;
    std::string head;     // `"name":`, from the second on with a comma before it
    uint32_t field = 0;   // kEcho
    size_t source = 0;    // kOutput: index in plan.answer, or in what the plan's output program gives callers
    int64_t column = -1;  // an element of its row; -1: the whole row
    bool is_scalar = true;
    Dtype dtype = Dtype::kFloat32;  // of the contract
    std::string text{};             // kText: the value
  };
  std::vector<Feature> features;
  std::vector<Member> members;
  // A field of single values that the log has a column of.
  struct Key {
    uint32_t field = 0;
    std::string name;
  };
  std::vector<Key> keys{};
  // By field: it is float64 only to be compared as it was sent, and a float32 from then on.
  std::vector<bool> is_narrowed;
};

class RowsForm {
 public:
  // Larger bodies are charged to the budget, and that is TypeScript's.
  static constexpr size_t kShortBodyBytes = size_t{64} << 10;
  static constexpr size_t kColumnBytesMax = size_t{1} << 20;

  // Null, with a sentence in `fault`: it does not fit the plan or the contract.
  static std::shared_ptr<RowsForm> make(std::shared_ptr<const contract::RowSpec> spec, const contract::SipKey& key,
                                        const Plan& plan, RowsFormOptions options, std::string& fault);

  RowsForm(std::shared_ptr<const contract::RowSpec> spec, const contract::SipKey& key, RowsFormOptions options)
      : options_(std::move(options)), reader_(std::move(spec), key) {}

  double plan_key() const noexcept { return plan_key_; }
  // False: not its rows, or no memory; nothing is kept then.
  bool read(std::string_view body, Echoes& echoes);
  // The rows that were read; the rest is the caller's to fill in. Until the next `read`.
  Submission submission() const noexcept;
  // Gives back what an unusually large body took.
  void trim() noexcept;

  // Room that `print` needs. Beyond the outbox: the request is not to be taken.
  size_t answer_characters(size_t rows, const Echoes& echoes) const noexcept {
    return 2 + rows * row_characters_ + echoes.text.size();
  }
  // Makes what `print` reads of a request that ended well. False: no memory.
  bool prepare(const Request& request) noexcept { return output_form() == nullptr || answer_.make(*columns_, request); }
  // Writes its answer and returns the end.
  char* print(const Request& request, const Echoes& echoes, char* text) noexcept;

 private:
  struct Input {
    Dtype dtype = Dtype::kFloat32;
    size_t row_bytes = 0;
    Elements elements;
    bool is_nullable = false;  // a column of a program: what it lacks has bits
  };

  std::string bind_features(const Plan& plan);
  std::string bind_columns();
  // The columns through the program in front of the models. False: a row is refused, or there is no memory.
  bool run_columns() noexcept;
  const transform::TransformProgram* input_form() const noexcept {
    return columns_ == nullptr ? nullptr : columns_->input();
  }
  const transform::TransformProgram* output_form() const noexcept {
    return columns_ == nullptr ? nullptr : columns_->output();
  }
  // What a member reads, its rows one behind the other.
  Field output_field(const Plan& plan, size_t source) const;
  std::string bind_members(const Plan& plan);
  std::string bind_keys();
  bool fill(const RowsFormOptions::Feature& feature) noexcept;
  template <typename Target>
  void fill_numbers(const RowsFormOptions::Feature& feature, std::byte* target) noexcept;
  void repeat(Echoes& echoes) const;
  void collect_keys();
  char* print_member(const Request& request, const RowsFormOptions::Member& member, uint32_t row, size_t& hint,
                     char* text) noexcept;

  RowsFormOptions options_;
  contract::RowReader reader_;
  double plan_key_ = 0;
  uint32_t rows_max_ = 1;
  size_t row_characters_ = 0;
  std::vector<Input> inputs_;
  std::vector<const std::byte*> pointers_;
  std::vector<size_t> row_bytes_;
  std::vector<RowKey> row_keys_;
  // The digits of keys that are numbers, and where each ends. By key; kept for their memory.
  struct KeyTexts {
    std::string text;
    std::vector<uint32_t> offsets;
  };
  std::vector<KeyTexts> key_texts_;
  std::vector<size_t> hints_;  // by member: the segment in which its output lay last
  // With programs around the models; null: there are none.
  std::shared_ptr<const ColumnForm> columns_;
  std::vector<transform::Column> lent_;
  transform::TransformScratch scratch_;
  AnswerColumns answer_;
  std::vector<std::vector<int64_t>> made_dims_;  // of a row, by source
};
}  // namespace penstock::json

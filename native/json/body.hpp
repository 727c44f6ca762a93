// A JSON body of columns, read into what submit takes:
//
//   {"<input>": numbers, …}   or   {"inputs": {…}, "deadlineMs": n, "priority": "background"}
//
// It takes the bodies that are surely right and leaves all others to src/transport/http/infer-request.ts, which decides
// and has the words (see json/text/read.hpp). What it takes, that one takes, and reads the same from it: a test sends
// the same bodies both ways.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "json/text/read.hpp"
#include "plan/answer_form.hpp"
#include "runtime/executor.hpp"

namespace penstock::json {
// Kept from request to request; `submission` points into it until the next `read`.
class Body {
 public:
  // False: the body is not one of those above, or is wrong.
  bool read(std::string_view text, const Plan& plan, const AnswerForm& form);
  // Inputs, rows, free dims and priority; the rest is the caller's to fill in.
  Submission submission() const noexcept;
  // 0: none.
  int64_t deadline_ms() const noexcept { return deadline_ms_; }
  // Gives back what an unusually large body took.
  void trim() noexcept;

 private:
  struct Input {
    Elements elements;
    Nest nest;
    bool is_read = false;
  };

  bool read_object(Cursor& cursor, bool is_inner);
  bool read_member(Cursor& cursor, std::string_view key, bool is_inner);
  bool read_input(Cursor& cursor, size_t index);
  bool read_option(Cursor& cursor, std::string_view key);
  bool fit_all();
  bool fit(const Field& field, const Nest& nest, size_t index);

  const Plan* plan_ = nullptr;
  const AnswerForm* form_ = nullptr;
  std::vector<Input> inputs_;
  size_t array_count_ = 0;
  bool has_bare_inputs_ = false;
  bool has_inner_inputs_ = false;
  bool has_options_ = false;

  uint32_t rows_ = 0;
  int64_t deadline_ms_ = 0;
  bool has_priority_ = false;
  Priority priority_ = Priority::kInteractive;
  std::vector<const std::byte*> pointers_;
  std::vector<size_t> row_bytes_;
  std::vector<int64_t> free_dims_;
};
}  // namespace penstock::json

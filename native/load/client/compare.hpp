// Compares an answer with what is expected, while the load runs. Floats within a tolerance, all else exactly; two NaNs
// are equal, and JSON may say null for a number that it cannot write.
//
// Bytes are compared with memcmp first: a batch rarely changes the last bits. JSON numbers are parsed once per request:
// text that was right remains right, so the same text is compared with memcmp from then on, and a parse is paid only
// when a batch came out differently. One checker per thread (it remembers); the set is shared and read only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "load/plan/request_set.hpp"

namespace penstock::load {

class AnswerChecker {
 public:
  explicit AnswerChecker(const RequestSet& set);

  // Outputs one after the other in the signature's order, without padding.
  bool is_right_binary(size_t request, ByteSpan data) const noexcept;
  // An object somewhere inside which each output's name is a key, its numbers behind it, nested or flat.
  bool is_right_json(size_t request, std::string_view body);
  // An Open Inference Protocol answer: {"outputs":[{"name":…,"data":[…]}…]} and, when head_bytes > 0, binary tensors
  // behind that head for the outputs that carry binary_data_size.
  bool is_right_oip(size_t request, std::string_view body, size_t head_bytes);

 private:
  struct Verified {
    std::vector<std::string> texts;  // one per output
  };

  bool is_right_tensor(size_t request, size_t output, ByteSpan data) const noexcept;
  bool is_right_text(size_t request, size_t output, std::string_view text);
  bool parse_numbers(size_t request, size_t output, std::string_view text, size_t& used_bytes) const noexcept;

  const RequestSet& set_;
  std::vector<Verified> verified_;
  size_t verified_bytes_ = 0;
};

}  // namespace penstock::load

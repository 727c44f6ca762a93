// An answer as the JSON text that src/transport/http/infer-answer.ts writes (writeColumns), byte for byte, printed
// straight from the batches in which the outputs lie.
#pragma once
#include <cstddef>
#include <cstdint>

#include "plan/answer_form.hpp"
#include "runtime/request.hpp"

namespace penstock::json {
// Beyond this an answer is no text that anybody could read.
constexpr size_t kCharactersMax = size_t{1} << 32;
// Room that print_answer needs. 0: it would be more than kCharactersMax, so there is no answer. The rows of each output
// have a common shape (has_answer_shapes).
size_t answer_characters(const Request& request, const AnswerForm& form) noexcept;
// Writes the answer of a request that ended well and returns its end.
char* print_answer(const Request& request, const AnswerForm& form, uint64_t request_number, char* text) noexcept;
}  // namespace penstock::json

// An answer as the JSON text that src/transport/http/infer-answer.ts writes (writeColumns), byte for byte, printed
// straight from the batches in which the outputs lie.
#pragma once
#include <cstddef>
#include <cstdint>

#include "http/answer_form.hpp"
#include "plan/request.hpp"

namespace penstock::http {
// Room that print_answer needs. 0: the rows of an output have no common shape, so there is no answer.
size_t answer_characters(const Request& request, const AnswerForm& form) noexcept;
// Writes the answer of a request that ended well and returns its end.
char* print_answer(const Request& request, const AnswerForm& form, uint64_t request_number, char* text) noexcept;
}  // namespace penstock::http

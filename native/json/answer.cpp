#include "json/answer.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string_view>

#include "core/assert.hpp"
#include "core/boundary_codes.hpp"
#include "json/text/print.hpp"

namespace penstock::json {
namespace {
constexpr size_t kIntegerCharactersMax = 24;

constexpr std::string_view kCacheHit = "],\"cache\":\"hit\"", kCacheMiss = "],\"cache\":\"miss\"";

char* put(char* text, std::string_view piece) noexcept {
  std::memcpy(text, piece.data(), piece.size());
  return text + piece.size();
}
char* put_integer(char* text, uint64_t value, int base = 10) noexcept {
  return std::to_chars(text, text + kIntegerCharactersMax, value, base).ptr;
}

const uint16_t* routes_of(const Request& request) noexcept {
  return request.routes.data() + static_cast<size_t>(request.plan->route_split) * request.rows;
}

char* print_output(const Request& request, const Source& source, char* text) noexcept {
  TensorShape shape;
  const bool has_shape = shape_of(request, source, shape);
  PENSTOCK_ASSERT(has_shape);
  size_t hint = 0;
  TensorView view;
  const bool is_whole = request.plan->is_non_batching;
  if (!is_whole) *text++ = '[';
  for (uint32_t row = 0; row < request.rows; ++row) {
    if (row > 0) *text++ = ',';
    const std::byte* const elements = row_at(request, source, row, hint, view);
    PENSTOCK_ASSERT(view.dims != nullptr);
    text = print_nest(elements, shape.dtype, *shape.dims, 0, text);
  }
  if (!is_whole) *text++ = ']';
  return text;
}

// `[{"check":"name","rows":[0,2]}, …]`: the checks that failed, each with its rows.
char* print_checks(const Request& request, const AnswerForm& form, char* text) noexcept {
  uint64_t failed = 0;
  for (const uint64_t bits : request.check_bits) failed |= bits;
  *text++ = '[';
  bool is_first = true;
  for (size_t c = 0; c < form.checks.size(); ++c) {
    if ((failed >> c & 1) == 0) continue;
    if (!is_first) *text++ = ',';
    is_first = false;
    text = put(text, form.checks[c]);
    bool is_first_row = true;
    for (uint32_t row = 0; row < request.rows; ++row) {
      if ((request.check_bits[row] >> c & 1) == 0) continue;
      if (!is_first_row) *text++ = ',';
      is_first_row = false;
      text = put_integer(text, row);
    }
    text = put(text, "]}");
  }
  *text++ = ']';
  return text;
}

char* print_route(const Request& request, const AnswerForm& form, char* text) noexcept {
  const uint16_t* const routes = routes_of(request);
  bool is_same = request.rows > 0;
  for (uint32_t row = 1; row < request.rows; ++row)
    is_same = is_same && form.routes[routes[row]].label == form.routes[routes[0]].label;
  text = put(text, is_same ? std::string_view(form.routes[routes[0]].last_model) : std::string_view("null"));
  text = put(text, ",\"route\":[");
  for (uint32_t row = 0; row < request.rows; ++row) {
    if (row > 0) *text++ = ',';
    text = put(text, form.routes[routes[row]].label);
  }
  *text++ = ']';
  return text;
}
}  // namespace

size_t answer_characters(const Request& request, const AnswerForm& form) noexcept {
  const size_t rows = request.rows;
  size_t characters = 272 + form.metadata.size() + form.last_model.size();
  for (const AnswerForm::Output& output : form.outputs) {
    TensorShape shape;
    if (!shape_of(request, request.plan->answer[output.source], shape)) return 0;
    const size_t limit = shape.row_bytes == 0 ? kEmptyNestCharactersMax : kCharactersMax;
    size_t output_characters = nest_characters(*shape.dims) + 1;
    if (output_characters > limit / std::max<size_t>(rows, 1)) return 0;
    output_characters = rows * output_characters + output.head.size() + 2;
    if (output_characters > kCharactersMax - characters) return 0;
    characters += output_characters;
  }
  for (size_t c = 0; c < form.checks.size(); ++c) {
    characters += form.checks[c].size() + 3;
    for (const uint64_t bits : request.check_bits) characters += (bits >> c & 1) == 0 ? 0 : kIntegerCharactersMax;
  }
  characters += (request.plan->stages.size() + 1) * (kIntegerCharactersMax + 1);
  if (request.plan->route_split < 0) return characters;
  for (size_t row = 0; row < rows; ++row) {
    const AnswerForm::Route& route = form.routes[routes_of(request)[row]];
    characters += route.label.size() + 1 + (row == 0 ? route.last_model.size() : 0);
  }
  return characters;
}

char* print_answer(const Request& request, const AnswerForm& form, uint64_t request_number, char* text) noexcept {
  text = put(text, "{\"outputs\":{");
  for (const AnswerForm::Output& output : form.outputs) {
    text = put(text, output.head);
    text = print_output(request, request.plan->answer[output.source], text);
  }
  text = put(text, "},\"check_failures\":");
  text = print_checks(request, form, text);
  text = put(text, form.metadata);
  text = put_integer(text, request_number, 36);
  text = put(text, "\",\"elapsed\":");
  char before = '[';
  for_each_elapsed(request, [&](int64_t elapsed_ns) {
    *text++ = before;
    before = ',';
    text = put_integer(text, static_cast<uint64_t>(elapsed_ns));
  });
  if (request.has_cache) text = put(text, request.is_cached ? kCacheHit : kCacheMiss);
  text = put(text, request.has_cache ? ",\"last_model\":" : "],\"last_model\":");
  if (request.plan->route_split < 0)
    text = put(text, form.last_model);
  else
    text = print_route(request, form, text);
  return put(text, "}}");
}
}  // namespace penstock::json

#include "websocket/frame_columns.hpp"

#include <algorithm>
#include <cstring>

#include "core/utf8.hpp"
#include "transform/run.hpp"

namespace penstock::websocket {
namespace {
using transform::Column;
using transform::RunStatus;
using transform::TransformProgram;
using transform::ValueType;

// What a request may leave behind in the memory that is kept.
constexpr size_t kKeptBytes = size_t{1} << 20;

// A text as JavaScript would read and write it again without a change: no NUL, which it refuses, and no mark of the
// byte order, which its decoder takes away.
bool is_plain_text(std::string_view text) noexcept {
  return text.find('\0') == text.npos && !text.starts_with("\xEF\xBB\xBF") && is_utf8(text);
}

// The string at an offset of `texts`, as the verifier of src/protocol/verify.ts wants it: aligned, and a NUL behind it.
bool read_text(const Vector& texts, size_t index, std::string_view& text) noexcept {
  Vector characters;
  if (!Table::open_vector(texts.bytes, texts.at + 4 * index, 1, characters)) return false;
  const size_t end = characters.at + characters.count;
  if (characters.at % 4 != 0 || end >= texts.bytes.size || texts.bytes.data[end] != 0) return false;
  text = Table::as_text(characters);
  return true;
}

bool are_bools(const std::byte* values, size_t count) noexcept {
  return std::all_of(values, values + count, [](std::byte value) { return static_cast<uint8_t>(value) <= 1; });
}
}  // namespace

bool FrameColumns::read(const ColumnForm& form, const InferFrame& infer) noexcept {
  const TransformProgram& program = *form.input();
  request_bytes_ = infer.data.bytes.size;
  if (infer.dims.count != 0 || !read_texts(form, infer) || !lay_columns(form, infer)) return false;
  if (transform::run(program, columns_, infer.rows, scratch_) != RunStatus::kDone || scratch_.error_count() > 0)
    return false;
  tensors_.clear();
  for (size_t i = 0; i < form.input_columns().size(); ++i) {
    tensors_.push_back(scratch_.outputs()[form.input_columns()[i]].data);
    request_bytes_ += size_t{infer.rows} * form.tensor_row_bytes()[i];
  }
  return true;
}

// All texts of the request, and room for them behind each other.
bool FrameColumns::read_texts(const ColumnForm& form, const InferFrame& infer) noexcept {
  const size_t count = size_t{infer.rows} * form.row_texts();
  if (infer.texts.count != count) return false;
  // Texts may be shared in a frame, and become many by it: that is for the verifier to count.
  size_t bytes = 0;
  texts_.resize(count);
  for (size_t i = 0; i < count; ++i) {
    if (!read_text(infer.texts, i, texts_[i]) || !is_plain_text(texts_[i])) return false;
    bytes += texts_[i].size();
    if (bytes > infer.texts.bytes.size) return false;
  }
  texts_laid_ = bytes_laid_ = offsets_laid_ = 0;
  return bytes_.reserve(bytes) && offsets_.reserve((count + form.text_columns()) * sizeof(int32_t));
}

bool FrameColumns::lay_columns(const ColumnForm& form, const InferFrame& infer) noexcept {
  const TransformProgram& program = *form.input();
  columns_.resize(program.input_count());
  // Enough for all of them with what aligns each.
  if (!numbers_.reserve(infer.data.count + columns_.size() * sizeof(uint64_t))) return false;
  const auto* const data = reinterpret_cast<const std::byte*>(infer.data.begin());
  size_t at = 0;
  size_t copied = 0;
  for (size_t i = 0; i < columns_.size(); ++i) {
    const ValueType& type = program.values()[i];
    columns_[i] = {};
    if (type.is_text()) {
      lay_texts(columns_[i], size_t{infer.rows} * type.width);
      continue;
    }
    const size_t bytes = size_t{infer.rows} * type.row_bytes();
    if (bytes > infer.data.count - at) return false;
    const std::byte* values = data + at;
    if (type.dtype == Dtype::kBool && !are_bools(values, bytes)) return false;
    if (reinterpret_cast<uintptr_t>(values) % type.element_bytes() != 0) {
      copied = align_up(copied, sizeof(uint64_t));
      std::memcpy(numbers_.data() + copied, values, bytes);
      values = numbers_.data() + copied;
      copied += bytes;
    }
    columns_[i].data = values;
    at += bytes;
  }
  return at == infer.data.count;
}

void FrameColumns::lay_texts(Column& column, size_t count) noexcept {
  auto* const offsets = reinterpret_cast<int32_t*>(offsets_.data()) + offsets_laid_;
  column.offsets = offsets;
  column.data = bytes_.data() + bytes_laid_;
  size_t end = 0;
  *offsets = 0;
  for (size_t i = 0; i < count; ++i) {
    const std::string_view text = texts_[texts_laid_ + i];
    if (!text.empty()) std::memcpy(bytes_.data() + bytes_laid_ + end, text.data(), text.size());
    end += text.size();
    offsets[i + 1] = static_cast<int32_t>(end);
  }
  texts_laid_ += count;
  bytes_laid_ += end;
  offsets_laid_ += count + 1;
}

void FrameColumns::trim() noexcept {
  if (request_bytes_ <= kKeptBytes) return;
  scratch_ = {};
  numbers_ = {};
  bytes_ = {};
  offsets_ = {};
  texts_ = std::vector<std::string_view>();
}

bool FrameColumns::make(const ColumnForm& form, const Request& request, MadeAnswers& made) noexcept {
  const size_t rows = request.rows;
  made.close_gap();
  const bool is_made =
      made.memory.reserve(made.end + rows * form.output_row_bytes(), made.end) && answer_.make(form, request);
  for (size_t i = 0; is_made && i < form.output_columns().size(); ++i) {
    const size_t bytes = rows * form.output()->output_type(form.output_columns()[i]).row_bytes();
    if (bytes > 0) std::memcpy(made.memory.data() + made.end, answer_.column(form, i), bytes);
    made.end += bytes;
  }
  answer_.trim();
  return is_made;
}
}  // namespace penstock::websocket

// Columns of frames to tensors of a plan, and the plan's outputs to what callers get, by the programs of a ColumnForm:
//
//   Infer.data and .texts ─ read ─► columns, lent where they lie ─ input program ─► tensors for submit
//   the batches of an answer ─ make ─► columns ─ output program ─► what a Results frame has of it
//
// It takes requests that are surely right. Whatever is found (a frame whose parts do not add up, a text that is no
// UTF-8 or has a NUL, a bool that is none, a row that an operation refuses, a program that finds no memory) is left to
// src/transport/websocket and src/engine/deploy/request-transforms.ts, which do the same again and have the words; a
// test compares the two. Memory: its own, kept from request to request unless it was unusually much. Thread: the
// port's.
#pragma once
#include <cstddef>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "plan/column_form.hpp"
#include "runtime/answer_columns.hpp"
#include "transform/scratch.hpp"
#include "websocket/frame.hpp"

namespace penstock::websocket {
// Bytes of answers in the order in which they are taken.
struct MadeAnswers {
  transform::GrowingBytes memory;
  size_t start = 0;
  size_t end = 0;

  // Moves what is left to the front, once at least as much has been taken.
  void close_gap() noexcept {
    if (start == 0 || start < end - start) return;
    std::memcpy(memory.data(), memory.data() + start, end - start);
    end -= start;
    start = 0;
  }
  const std::byte* take(size_t bytes) noexcept { return memory.data() + std::exchange(start, start + bytes); }
  void clear() noexcept {
    constexpr size_t kKeptBytes = size_t{64} << 10;
    if (end > kKeptBytes) memory = {};
    start = end = 0;
  }
};

class FrameColumns {
 public:
  // Makes tensors of the columns of a request of infer.rows > 0. False: it is JavaScript's, and nothing was done.
  bool read(const ColumnForm& form, const InferFrame& infer) noexcept;
  // In the order of the plan's inputs; until the next call.
  const std::byte* const* tensors() const noexcept { return tensors_.data(); }
  // Gives back what an unusually large request took.
  void trim() noexcept;

  // Appends what the caller gets of an answered request. False: no memory.
  bool make(const ColumnForm& form, const Request& request, MadeAnswers& made) noexcept;

 private:
  using Memory = transform::GrowingBytes;

  bool read_texts(const ColumnForm& form, const InferFrame& infer) noexcept;
  bool lay_columns(const ColumnForm& form, const InferFrame& infer) noexcept;
  void lay_texts(transform::Column& column, size_t count) noexcept;

  std::vector<transform::Column> columns_;
  std::vector<std::string_view> texts_;
  std::vector<const std::byte*> tensors_;
  Memory numbers_;  // of columns that do not lie at a multiple of their element
  Memory bytes_;    // of texts
  Memory offsets_;
  size_t texts_laid_ = 0;
  size_t bytes_laid_ = 0;
  size_t offsets_laid_ = 0;
  size_t request_bytes_ = 0;
  transform::TransformScratch scratch_;
  AnswerColumns answer_;
};
}  // namespace penstock::websocket

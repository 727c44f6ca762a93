// Generated from src/protocol/penstock.fbs by tools/codegen: do not edit, run `npm run codegen`.
// Byte offset of each field in its table's vtable (4 + 2 * slot; a union takes two), and the ids of the union.
// clang-format off
#pragma once

#include <cstdint>

namespace penstock {

enum class Body : uint8_t {
  kNone = 0,
  kOpen = 1,
  kInfer = 2,
  kCancel = 3,
  kClose = 4,
  kAuthenticate = 6,
  kInferMany = 7,
  kOpened = 16,
  kResults = 17,
  kFailure = 18,
  kHello = 19,
  kCredit = 20,
  kGoaway = 21,
};

namespace slots::field {
inline constexpr uint16_t name = 4;
inline constexpr uint16_t dtype = 6;
inline constexpr uint16_t shape = 8;
inline constexpr uint16_t default_value = 10;
}  // namespace slots::field

namespace slots::meta {
inline constexpr uint16_t key = 4;
inline constexpr uint16_t number = 6;
inline constexpr uint16_t text = 8;
inline constexpr uint16_t numbers = 10;
inline constexpr uint16_t texts = 12;
}  // namespace slots::meta

namespace slots::meta_block {
inline constexpr uint16_t entries = 4;
}  // namespace slots::meta_block

namespace slots::authenticate {
inline constexpr uint16_t key = 4;
}  // namespace slots::authenticate

namespace slots::open {
inline constexpr uint16_t channel = 4;
inline constexpr uint16_t pipeline = 6;
}  // namespace slots::open

namespace slots::infer {
inline constexpr uint16_t channel = 4;
inline constexpr uint16_t request = 6;
inline constexpr uint16_t rows = 8;
inline constexpr uint16_t data = 10;
inline constexpr uint16_t dims = 12;
inline constexpr uint16_t meta = 14;
inline constexpr uint16_t deadline_ms = 16;
inline constexpr uint16_t priority = 18;
inline constexpr uint16_t texts = 20;
inline constexpr uint16_t timing = 22;
inline constexpr uint16_t request_id = 24;
}  // namespace slots::infer

namespace slots::infer_many {
inline constexpr uint16_t channel = 4;
inline constexpr uint16_t requests = 6;
inline constexpr uint16_t rows = 8;
inline constexpr uint16_t data = 10;
inline constexpr uint16_t deadlines_ms = 12;
inline constexpr uint16_t priorities = 14;
inline constexpr uint16_t request_ids = 16;
}  // namespace slots::infer_many

namespace slots::cancel {
inline constexpr uint16_t channel = 4;
inline constexpr uint16_t request = 6;
}  // namespace slots::cancel

namespace slots::close {
inline constexpr uint16_t channel = 4;
}  // namespace slots::close

namespace slots::opened {
inline constexpr uint16_t channel = 4;
inline constexpr uint16_t pipeline = 6;
inline constexpr uint16_t version = 8;
inline constexpr uint16_t inputs = 10;
inline constexpr uint16_t outputs = 12;
inline constexpr uint16_t checks = 14;
inline constexpr uint16_t routes = 16;
inline constexpr uint16_t is_non_batching = 18;
inline constexpr uint16_t rows_max = 20;
inline constexpr uint16_t instance = 22;
inline constexpr uint16_t infer_many = 24;
}  // namespace slots::opened

namespace slots::results {
inline constexpr uint16_t channel = 4;
inline constexpr uint16_t requests = 6;
inline constexpr uint16_t rows = 8;
inline constexpr uint16_t data = 10;
inline constexpr uint16_t dims = 12;
inline constexpr uint16_t check_failures = 14;
inline constexpr uint16_t routes = 16;
inline constexpr uint16_t texts = 18;
inline constexpr uint16_t timing = 20;
inline constexpr uint16_t timing_models = 22;
inline constexpr uint16_t request_numbers = 24;
inline constexpr uint16_t traceparents = 26;
inline constexpr uint16_t caches = 28;
}  // namespace slots::results

namespace slots::failure {
inline constexpr uint16_t channel = 4;
inline constexpr uint16_t request = 6;
inline constexpr uint16_t code = 8;
inline constexpr uint16_t message = 10;
inline constexpr uint16_t retry_after_ms = 12;
inline constexpr uint16_t is_channel = 14;
}  // namespace slots::failure

namespace slots::hello {
inline constexpr uint16_t window_requests = 4;
inline constexpr uint16_t server = 6;
inline constexpr uint16_t frame_bytes_max = 8;
inline constexpr uint16_t infer_many_max = 10;
}  // namespace slots::hello

namespace slots::credit {
inline constexpr uint16_t window_requests = 4;
}  // namespace slots::credit

namespace slots::goaway {
inline constexpr uint16_t reason = 4;
inline constexpr uint16_t grace_ms = 6;
}  // namespace slots::goaway

namespace slots::message {
inline constexpr uint16_t body_type = 4;
inline constexpr uint16_t body = 6;
}  // namespace slots::message

}  // namespace penstock

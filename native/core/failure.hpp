// Why a request was refused or failed: a code of src/protocol/errors.json, up to four numbers and the runtime's text.
// The sentences are written in TypeScript, in one place; here are only the facts. `details` are named by code
// in boundary_codes.hpp: QueueFullDetail and so on, made of src/protocol/boundary.json.
// Frames that name a request put [channel, wire id] behind the failure instead; see websocket/frame.hpp.
#pragma once
#include <array>
#include <cstdint>
#include <string>

#include "core/boundary_codes.hpp"

namespace penstock {
struct Failure {
  StatusCode code = StatusCode::kOk;
  std::array<int64_t, 4> details{};
  std::string text;

  void set(StatusCode new_code, const std::array<int64_t, 4>& new_details = {}) {
    code = new_code;
    details = new_details;
    text.clear();
  }
  template <typename Detail>
  void set(const Detail& detail) {
    set(Detail::kCode, detail.values());
  }
};
}  // namespace penstock

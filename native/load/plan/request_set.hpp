// The requests of one kind, sent in turn, with the answers that are expected. One binary file, little endian, written
// by src/loadtest/native/request-bodies.ts and mapped here, so that a set of large bodies costs no second copy:
//
//   "PLB1"  u32 requests  u32 outputs  f32 absolute tolerance  f32 relative tolerance
//   outputs  x { u32 name bytes, name, u32 ONNX dtype code }
//   requests x { u64 body bytes, u32 head bytes, u32 has answers (0 or 1), body,
//                has answers: outputs x { u64 bytes, data } }
//
// A body is what is sent: an HTTP body, or an Infer message whose channel and request number the generator fills in.
// `head bytes` is the length of the JSON head of an OIP body with binary tensors, else 0. The answers come from a run
// outside the server, so that each response can be checked while the load runs: a server that answers fast and wrongly
// scores nothing. Owner of all memory: the set, until it is destroyed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/dtype_codes.hpp"

namespace penstock::load {

using ByteSpan = std::span<const uint8_t>;

struct OutputField {
  std::string name;
  Dtype dtype = Dtype::kFloat32;
};

struct Request {
  ByteSpan body;
  uint32_t head_bytes = 0;
  std::vector<ByteSpan> expected;  // one per output; empty: the answer is not compared
};

class RequestSet {
 public:
  // Ends the process with a sentence when the file is not of this form.
  explicit RequestSet(const std::string& path);
  RequestSet(const RequestSet&) = delete;
  RequestSet& operator=(const RequestSet&) = delete;
  RequestSet(RequestSet&& other) noexcept;
  ~RequestSet();

  const std::vector<Request>& requests() const noexcept { return requests_; }
  const std::vector<OutputField>& outputs() const noexcept { return outputs_; }
  float tolerance_absolute() const noexcept { return tolerance_absolute_; }
  float tolerance_relative() const noexcept { return tolerance_relative_; }

 private:
  ByteSpan file_;
  std::vector<OutputField> outputs_;
  std::vector<Request> requests_;
  float tolerance_absolute_ = 0;
  float tolerance_relative_ = 0;
};

}  // namespace penstock::load

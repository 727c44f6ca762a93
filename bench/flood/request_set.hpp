// The requests that the generator sends in turn, with the answers it expects. One binary file, little endian:
//
//   "PFL1"  u32 requests  u32 rows per request  u32 input bytes  u32 output floats
//   f32 absolute tolerance  f32 relative tolerance  u32 name bytes, output name (the JSON key of the answer)
//   requests x { input bytes, output floats as f32, u32 body bytes, JSON body }
//
// The answers come from ONNX Runtime run beforehand, outside the server, so each response can be checked while the
// load runs: a server that answers fast and wrongly scores nothing. bench/harness/requests.ts writes the file.
#pragma once

#include <cstdint>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace flood {

struct Request {
  std::vector<uint8_t> input;   // tensors of the request as the wire carries them
  std::vector<float> expected;  // all outputs in signature order
  std::string body;             // the same request as JSON
};

struct RequestSet {
  uint32_t rows_per_request = 0;
  float tolerance_absolute = 0;
  float tolerance_relative = 0;
  std::string output_name;
  std::vector<Request> requests;

  bool matches(float received, float expected) const noexcept;
  // `bytes` are the request's outputs as f32, row-major, without padding.
  bool matches_bytes(std::span<const uint8_t> bytes, const Request& request) const noexcept;
  // Reads the numbers behind the output's key, brackets ignored.
  bool matches_json(std::string_view json, const Request& request) const noexcept;
};

// Ends the process with status 2 and a sentence when the file is not a request set.
RequestSet read_request_set(const std::string& path);

}  // namespace flood

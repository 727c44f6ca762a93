// Reads the file of requests and compares answers; see request_set.hpp.
#include "request_set.hpp"

#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string_view>

namespace flood {
namespace {

constexpr uint32_t kRequestsMax = 1u << 20;

class FileReader {
 public:
  FileReader(const std::string& path, std::vector<char> bytes) : path_(path), bytes_(std::move(bytes)) {}

  const char* take(size_t size_bytes) {
    if (size_bytes > bytes_.size() - position_) fail("longer");
    const char* at = bytes_.data() + position_;
    position_ += size_bytes;
    return at;
  }

  template <typename Value>
  Value value() {
    Value result;
    std::memcpy(&result, take(sizeof result), sizeof result);
    return result;
  }

  [[noreturn]] void fail(const char* rule) const {
    std::fprintf(stderr, "Expected %s to be %s: it is no request set of this version\n", path_.c_str(), rule);
    std::exit(2);
  }

 private:
  const std::string& path_;
  std::vector<char> bytes_;
  size_t position_ = 0;
};

}  // namespace

bool RequestSet::matches(float received, float expected) const noexcept {
  // Written so that a NaN that nobody expects is a mismatch.
  return std::fabs(received - expected) <= tolerance_absolute + tolerance_relative * std::fabs(expected);
}

bool RequestSet::matches_bytes(std::span<const uint8_t> bytes, const Request& request) const noexcept {
  if (bytes.size() != request.expected.size() * sizeof(float)) return false;
  for (size_t index = 0; index < request.expected.size(); ++index) {
    float received;
    std::memcpy(&received, bytes.data() + index * sizeof received, sizeof received);
    if (!matches(received, request.expected[index])) return false;
  }
  return true;
}

bool RequestSet::matches_json(std::string_view json, const Request& request) const noexcept {
  size_t key = json.find(output_name);
  while (key != std::string_view::npos) {
    const size_t end = key + output_name.size();
    if (key > 0 && json[key - 1] == '"' && end < json.size() && json[end] == '"') break;
    key = json.find(output_name, end);
  }
  if (key == std::string_view::npos) return false;
  const char* at = json.data() + key + output_name.size() + 1;
  const char* const end = json.data() + json.size();
  for (const float expected : request.expected) {
    while (at < end && (*at == ':' || *at == '[' || *at == ']' || *at == ',' || *at == ' ' || *at == '\n')) ++at;
    float received;
    const auto parsed = std::from_chars(at, end, received);
    if (parsed.ec != std::errc{} || !matches(received, expected)) return false;
    at = parsed.ptr;
  }
  return true;
}

RequestSet read_request_set(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    std::fprintf(stderr, "Expected --requests to be a readable file but received %s\n", path.c_str());
    std::exit(2);
  }
  FileReader reader(path, std::vector<char>(std::istreambuf_iterator<char>(file), {}));
  if (std::memcmp(reader.take(4), "PFL1", 4) != 0) reader.fail("a file that starts with PFL1");
  RequestSet set;
  const auto request_count = reader.value<uint32_t>();
  set.rows_per_request = reader.value<uint32_t>();
  const auto input_bytes = reader.value<uint32_t>();
  const auto output_floats = reader.value<uint32_t>();
  set.tolerance_absolute = reader.value<float>();
  set.tolerance_relative = reader.value<float>();
  const auto name_bytes = reader.value<uint32_t>();
  set.output_name.assign(reader.take(name_bytes), name_bytes);
  if (request_count == 0 || request_count > kRequestsMax) reader.fail("a file of 1 to 1048576 requests");
  if (output_floats == 0) reader.fail("a file with expected outputs");
  set.requests.resize(request_count);
  for (Request& request : set.requests) {
    const char* input = reader.take(input_bytes);
    request.input.assign(input, input + input_bytes);
    const size_t expected_bytes = size_t{output_floats} * sizeof(float);
    const char* expected = reader.take(expected_bytes);
    request.expected.resize(output_floats);
    std::memcpy(request.expected.data(), expected, expected_bytes);
    const auto body_bytes = reader.value<uint32_t>();
    request.body.assign(reader.take(body_bytes), body_bytes);
  }
  return set;
}

}  // namespace flood

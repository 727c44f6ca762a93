#include "load/plan/request_set.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstring>
#include <utility>

#include "load/plan/abandon.hpp"

static_assert(std::endian::native == std::endian::little, "bodies and answers are little endian and are read in place");

namespace penstock::load {
namespace {

constexpr uint32_t kRequestsMax = 1u << 20;
constexpr uint32_t kOutputsMax = 1024;
constexpr uint32_t kNameBytesMax = 4096;

ByteSpan map_file(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat status{};
  if (descriptor < 0 || ::fstat(descriptor, &status) != 0) {
    abandon(LoadStatus::kPlan, "Cannot read the bodies file " + path + ": " + std::strerror(errno));
  }
  const auto size = static_cast<size_t>(status.st_size);
  void* memory = size == 0 ? MAP_FAILED : ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, descriptor, 0);
  ::close(descriptor);
  if (memory == MAP_FAILED)
    abandon(LoadStatus::kPlan, "Cannot map the bodies file " + path + ": it is empty or no file");
  return {static_cast<const uint8_t*>(memory), size};
}

class Reader {
 public:
  Reader(const std::string& path, ByteSpan bytes) : path_(path), bytes_(bytes) {}

  ByteSpan take(uint64_t size_bytes) {
    if (size_bytes > bytes_.size() - position_) fail("longer");
    const ByteSpan taken = bytes_.subspan(position_, static_cast<size_t>(size_bytes));
    position_ += static_cast<size_t>(size_bytes);
    return taken;
  }
  template <typename Value>
  Value value() {
    Value result;
    std::memcpy(&result, take(sizeof result).data(), sizeof result);
    return result;
  }
  bool is_at_end() const noexcept { return position_ == bytes_.size(); }

  [[noreturn]] void fail(const char* rule) const {
    abandon(LoadStatus::kPlan, "Expected the bodies file " + path_ + " to be " + rule);
  }

 private:
  const std::string& path_;
  ByteSpan bytes_;
  size_t position_ = 0;
};

OutputField read_output(Reader& reader) {
  const auto name_bytes = reader.value<uint32_t>();
  if (name_bytes > kNameBytesMax) reader.fail("one with short names");
  const ByteSpan name = reader.take(name_bytes);
  const auto dtype = reader.value<uint32_t>();
  if (dtype > 16 || dtype_size_bytes(static_cast<Dtype>(dtype)) == 0) reader.fail("one with numeric outputs only");
  return {{reinterpret_cast<const char*>(name.data()), name.size()}, static_cast<Dtype>(dtype)};
}

}  // namespace

RequestSet::RequestSet(const std::string& path) : file_(map_file(path)) {
  Reader reader(path, file_);
  if (std::memcmp(reader.take(4).data(), "PLB1", 4) != 0) reader.fail("one that starts with PLB1");
  const auto request_count = reader.value<uint32_t>();
  const auto output_count = reader.value<uint32_t>();
  tolerance_absolute_ = reader.value<float>();
  tolerance_relative_ = reader.value<float>();
  if (request_count == 0 || request_count > kRequestsMax) reader.fail("one of 1 to 1048576 requests");
  if (output_count > kOutputsMax) reader.fail("one of at most 1024 outputs");
  for (uint32_t output = 0; output < output_count; ++output) outputs_.push_back(read_output(reader));
  requests_.resize(request_count);
  for (Request& request : requests_) {
    const auto body_bytes = reader.value<uint64_t>();
    request.head_bytes = reader.value<uint32_t>();
    const bool has_answers = reader.value<uint32_t>() != 0;
    request.body = reader.take(body_bytes);
    if (request.head_bytes > body_bytes) reader.fail("one whose heads are shorter than their bodies");
    for (uint32_t output = 0; has_answers && output < output_count; ++output) {
      request.expected.push_back(reader.take(reader.value<uint64_t>()));
      if (request.expected.back().size() % dtype_size_bytes(outputs_[output].dtype) != 0) {
        reader.fail("one whose answers are whole elements");
      }
    }
  }
  if (!reader.is_at_end()) reader.fail("shorter");
}

RequestSet::RequestSet(RequestSet&& other) noexcept
    : file_(std::exchange(other.file_, ByteSpan{})),
      outputs_(std::move(other.outputs_)),
      requests_(std::move(other.requests_)),
      tolerance_absolute_(other.tolerance_absolute_),
      tolerance_relative_(other.tolerance_relative_) {}

RequestSet::~RequestSet() {
  if (!file_.empty()) ::munmap(const_cast<uint8_t*>(file_.data()), file_.size());
}

}  // namespace penstock::load

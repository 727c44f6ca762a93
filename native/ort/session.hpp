// A model loaded once for all threads: ONNX Runtime lets any number of them run one session at a time, each with inputs
// and outputs of its own, so weights and what its kernels have packed of them exist once. A session's threads inside
// one run are shared as well: runs with several threads each that go side by side need sessions of their own.
//
// Made and released on a thread that nobody waits for; read-only in between. Names and types are read once.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/dtype_codes.hpp"
#include "ort/owned.hpp"

namespace penstock::ort {
// What a session is made of and with.
struct SessionSpec {
  std::string path;                // empty: `bytes`
  std::span<const uint8_t> bytes;  // of the file; lent until the session is there
  int intra_op_threads = 1;
  bool is_spinning = false;  // threads of a run poll for work while it lasts
  bool is_optimized = true;  // false: the file was optimised when it was saved
  int cuda_device = -1;      // -1: the CPU
};

struct FieldInfo {
  std::string name;
  bool is_tensor = false;
  int element_type = 0;       // of ONNX TensorProto.DataType, whether or not it is a Dtype
  std::vector<int64_t> dims;  // -1: free
};

class Session {
 public:
  // Null with ONNX Runtime's text in `refusal`.
  static std::shared_ptr<Session> create(const Library& library, const SessionSpec& spec, std::string& refusal);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  const Library& library() const noexcept { return library_; }
  SessionHandle* handle() const noexcept { return handle_.get(); }
  const std::vector<FieldInfo>& inputs() const noexcept { return inputs_; }
  const std::vector<FieldInfo>& outputs() const noexcept { return outputs_; }
  // As the run call wants them; they live as long as the session.
  const std::vector<const char*>& input_names() const noexcept { return input_names_; }
  const std::vector<const char*>& output_names() const noexcept { return output_names_; }

 private:
  explicit Session(const Library& library) : library_(library), handle_(library.api()) {}
  bool open(const SessionSpec& spec, std::string& refusal);
  bool read_fields(std::string& refusal);

  const Library& library_;
  OwnedSession handle_;
  std::vector<FieldInfo> inputs_;
  std::vector<FieldInfo> outputs_;
  std::vector<const char*> input_names_;
  std::vector<const char*> output_names_;
};
}  // namespace penstock::ort

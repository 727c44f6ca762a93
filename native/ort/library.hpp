// The process's ONNX Runtime: the file that onnxruntime-node's own binding is linked with, opened by its path. The
// dynamic loader gives one library for one file, whoever opens it first, so there is one in the process, with one
// environment, whichever way a session was made.
//
// A function table that is not what api.hpp takes it for would be wild calls, so the library is refused unless its
// version is the package's, every pointer lies in the library itself, and each function gives, on a graph of one node,
// strings and a few bytes, what it must (trial.cpp). Whoever asks for runs then takes onnxruntime-node's binding, and
// says so. Nothing is ever closed: sessions may live until the process ends, and so may threads of the library.
#pragma once
#include <string>

#include "ort/api.hpp"

namespace penstock::ort {
class Library {
 public:
  // The library that `open` has opened; null: none.
  static const Library* instance() noexcept;
  // Opens, checks and tries the file; once in a process, later calls say what the first found. Blocks for some tens of
  // milliseconds. Empty: it can be used. Else a clause that says why not.
  static std::string open(const std::string& path, const std::string& version);
  // The same without keeping it, for tests: null with the reason in `refusal`.
  static const Library* try_open(const char* path, const std::string& version, std::string& refusal);

  const Api& api() const noexcept { return api_; }
  const Env* env() const noexcept { return env_; }
  const MemoryInfo* cpu_memory() const noexcept { return cpu_memory_; }
  Allocator* allocator() const noexcept { return allocator_; }
  const std::string& version() const noexcept { return version_; }

 private:
  Library() = default;
  std::string read_table(void* handle, const std::string& version);
  std::string make_parts();

  Api api_;
  Env* env_ = nullptr;
  MemoryInfo* cpu_memory_ = nullptr;
  Allocator* allocator_ = nullptr;
  std::string version_;
};

// trial.cpp: calls every function that a run needs on harmless arguments. Empty: each gave what it must.
std::string try_functions(const Library& library);
}  // namespace penstock::ort

// ONNX Runtime with one thread, by as much of its C API as a run takes. The package that ships the library ships no
// header: functions have places in a table that only grows (github.com/microsoft/onnxruntime, onnxruntime_c_api.h).
#pragma once
#include <dlfcn.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace penstock::bench {
class OnnxRuntime {
 public:
  OnnxRuntime(const char* library, const char* model, bool has_labels) : output_(has_labels ? 1 : 0) {
    struct Base {
      const void* const* (*api)(uint32_t version);
      const char* (*version)();
    };
    void* const handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    void* const symbol = handle == nullptr ? nullptr : dlsym(handle, "OrtGetApiBase");
    if (symbol == nullptr) fail(dlerror());
    table_ = reinterpret_cast<const Base* (*)()>(symbol)()->api(kVersion);
    void *environment = nullptr, *options = nullptr;
    check(function<int, const char*, void**>(kCreateEnv)(kLogWarning, "penstock-trees", &environment));
    check(function<void**>(kCreateSessionOptions)(&options));
    check(function<void*, int>(kSetIntraOpThreads)(options, 1));
    check(function<void*, int>(kSetInterOpThreads)(options, 1));
    check(function<void*, const char*, void*, void**>(kCreateSession)(environment, model, options, &session_));
    check(function<int, int, void**>(kCreateCpuMemoryInfo)(0, 0, &memory_));
    void* allocator = nullptr;
    check(function<void**>(kDefaultAllocator)(&allocator));
    check(function<void*, size_t, void*, char**>(kInputName)(session_, 0, allocator, &input_name_));
    check(function<void*, size_t, void*, char**>(kOutputName)(session_, output_, allocator, &output_name_));
  }

  std::vector<float> run(const float* rows, size_t count, size_t features, size_t columns) {
    std::vector<float> scores(count * columns);
    run_into(rows, count, features, scores.data(), columns);
    return scores;
  }

  // Over the caller's memory, both ways: nothing is copied that has not to be.
  void run_into(const float* rows, size_t count, size_t features, float* scores, size_t columns) {
    const auto tensor = function<void*, void*, size_t, const int64_t*, size_t, int, void**>(kTensorOver);
    const int64_t input_dims[] = {static_cast<int64_t>(count), static_cast<int64_t>(features)};
    const int64_t output_dims[] = {static_cast<int64_t>(count), static_cast<int64_t>(columns)};
    void *input = nullptr, *output = nullptr;
    check(tensor(memory_, const_cast<float*>(rows), count * features * sizeof(float), input_dims, 2, kFloat, &input));
    check(tensor(memory_, scores, count * columns * sizeof(float), output_dims, 2, kFloat, &output));
    check(function<void*, void*, const char* const*, void* const*, size_t, const char* const*, size_t, void**>(kRun)(
        session_, nullptr, &input_name_, &input, 1, &output_name_, 1, &output));
    release(input);
    release(output);
  }

 private:
  static constexpr uint32_t kVersion = 15;
  static constexpr int kLogWarning = 2, kFloat = 1;
  static constexpr size_t kErrorText = 2, kCreateEnv = 3, kCreateSession = 7, kRun = 9, kCreateSessionOptions = 10,
                          kSetIntraOpThreads = 24, kSetInterOpThreads = 25, kInputName = 36, kOutputName = 37,
                          kTensorOver = 49, kCreateCpuMemoryInfo = 69, kDefaultAllocator = 78, kReleaseValue = 96;

  template <typename... Arguments>
  using Function = void* (*)(Arguments...);
  template <typename... Arguments>
  Function<Arguments...> function(size_t place) const {
    return reinterpret_cast<Function<Arguments...>>(const_cast<void*>(table_[place]));
  }
  void release(void* value) const {
    reinterpret_cast<void (*)(void*)>(const_cast<void*>(table_[kReleaseValue]))(value);
  }
  [[noreturn]] static void fail(const char* text) {
    std::fprintf(stderr, "penstock-trees: %s\n", text);
    std::exit(1);
  }
  void check(void* status) const {
    if (status == nullptr) return;
    fail(reinterpret_cast<const char* (*)(void*)>(const_cast<void*>(table_[kErrorText]))(status));
  }

  const void* const* table_ = nullptr;
  void *session_ = nullptr, *memory_ = nullptr;
  char *input_name_ = nullptr, *output_name_ = nullptr;
  size_t output_;
};
}  // namespace penstock::bench

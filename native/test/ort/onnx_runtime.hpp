// The library that onnxruntime-node ships, for tests that need the real one: PENSTOCK_ONNXRUNTIME names its file, else
// it is looked for beside the sources. Tests that find none say so and claim nothing.
#pragma once
#include <dlfcn.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "ort/library.hpp"

namespace penstock::testing {
inline std::string onnx_runtime_path() {
  const char* const path = std::getenv("PENSTOCK_ONNXRUNTIME");
  return path != nullptr ? path : PENSTOCK_ONNXRUNTIME_DEFAULT;
}

// What the file says of itself; empty: there is none.
inline std::string onnx_runtime_version() {
  void* const library = dlopen(onnx_runtime_path().c_str(), RTLD_NOW);
  if (library == nullptr) return "";
  struct Base {
    const void* (*table)(unsigned);
    const char* (*version)();
  };
  return reinterpret_cast<const Base* (*)()>(dlsym(library, "OrtGetApiBase"))()->version();
}

// Null, said once: there is no library here.
inline const ort::Library* onnx_runtime() {
  static const ort::Library* const library = [] {
    const std::string version = onnx_runtime_version();
    if (version.empty()) {
      std::printf("skipped: there is no library at %s\n", onnx_runtime_path().c_str());
      return static_cast<const ort::Library*>(nullptr);
    }
    const std::string refusal = ort::Library::open(onnx_runtime_path(), version);
    if (!refusal.empty()) std::printf("FAIL the library is refused: %s\n", refusal.c_str());
    if (!refusal.empty()) std::exit(EXIT_FAILURE);
    return ort::Library::instance();
  }();
  return library;
}
}  // namespace penstock::testing

// Objects of ONNX Runtime that are released when their owner goes.
#pragma once
#include <utility>

#include "ort/library.hpp"

namespace penstock::ort {
template <typename T, void (*Api::*release)(T*)>
class Owned {
 public:
  explicit Owned(const Api& api) noexcept : api_(&api) {}
  Owned(Owned&& other) noexcept : api_(other.api_), object_(std::exchange(other.object_, nullptr)) {}
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  Owned& operator=(Owned&&) = delete;
  ~Owned() { reset(); }

  T* get() const noexcept { return object_; }
  // Where a function of the API puts what it has made; what was held is released.
  T** place() noexcept {
    reset();
    return &object_;
  }
  void reset() noexcept {
    if (object_ != nullptr) (api_->*release)(std::exchange(object_, nullptr));
  }

 private:
  const Api* api_;
  T* object_ = nullptr;
};

using OwnedOptions = Owned<SessionOptions, &Api::release_session_options>;
using OwnedSession = Owned<SessionHandle, &Api::release_session>;
using OwnedValue = Owned<Value, &Api::release_value>;
using OwnedRunOptions = Owned<RunOptions, &Api::release_run_options>;
using OwnedType = Owned<TypeInfo, &Api::release_type>;
using OwnedTensorInfo = Owned<TensorInfo, &Api::release_tensor_info>;
using OwnedCudaOptions = Owned<CudaOptions, &Api::release_cuda_options>;
}  // namespace penstock::ort

// What JavaScript holds of a transform program. A handle has one scratch, and so belongs to the isolate's thread; plans
// that go by the program share it without the scratch.
#pragma once
#include <memory>

#include "addon/handles.hpp"
#include "transform/program.hpp"
#include "transform/scratch.hpp"

namespace penstock::addon {
struct TransformBox {
  static constexpr napi_type_tag kTag{0x2f96b1e07c5d8a34, 0xc1507e9ad8436bf2};
  static constexpr const char* kName = "transform";
  std::shared_ptr<const transform::TransformProgram> program;
  transform::TransformScratch scratch;
  bool is_closed = false;
};
}  // namespace penstock::addon

// What JavaScript holds of a tree ensemble. It never changes, so any isolate may have a box of it.
#pragma once
#include <memory>

#include "addon/handles.hpp"
#include "trees/trees.hpp"

namespace penstock::addon {
struct TreesBox {
  static constexpr napi_type_tag kTag{0x61d9a3f2074ce85b, 0x9b3e58d1c7f2064a};
  static constexpr const char* kName = "trees";
  std::shared_ptr<const trees::TreeEnsemble> trees;
  bool is_closed = false;
};
}  // namespace penstock::addon

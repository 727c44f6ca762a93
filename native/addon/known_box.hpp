// Checking a handle's type tag and unwrapping it cost more than the rest of a small request's work, so that the box of
// the call before is recognised by identity. The reference is weak: once the handle is collected it yields no value,
// and never matches. For the entries that are called once per frame or body; everybody else calls open_box.
#pragma once
#include "addon/handles.hpp"

namespace penstock::addon {
template <typename Box>
Box& known_box(napi_env env, napi_value value) {
  struct Known {
    napi_env env = nullptr;
    napi_ref handle = nullptr;
    Box* box = nullptr;
  };
  thread_local Known known;
  if (known.env == env && known.handle != nullptr) {
    napi_value handle = nullptr;
    bool is_same = false;
    if (napi_get_reference_value(env, known.handle, &handle) == napi_ok && handle != nullptr &&
        napi_strict_equals(env, handle, value, &is_same) == napi_ok && is_same && !known.box->is_closed)
      return *known.box;
    napi_delete_reference(env, known.handle);
  }
  known = Known{};
  Box& box = open_box<Box>(env, value);
  napi_ref handle = nullptr;
  if (napi_create_reference(env, value, 0, &handle) == napi_ok) known = {env, handle, &box};
  return box;
}
}  // namespace penstock::addon

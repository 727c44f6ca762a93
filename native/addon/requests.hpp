// Requests as JavaScript names them: a number that carries a generation, so that a stale one finds nothing.
#pragma once
#include "addon/handles.hpp"

namespace penstock::addon {
// The request named by argument 1, or null.
Request* find_request(const Napi::CallbackInfo& info, PortBox& box);
// The same. @throws TypeError with ERR_HANDLE when there is none.
Request& open_request(const Napi::CallbackInfo& info, PortBox& box);
}  // namespace penstock::addon

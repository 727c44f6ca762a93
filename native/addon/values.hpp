// JavaScript values that several parts of the addon read or build.
#pragma once
#include "addon/napi_setup.hpp"
#include "core/block.hpp"
#include "core/failure.hpp"
#include "core/histogram.hpp"
#include "flatbuffers/meta.hpp"

namespace penstock::addon {
Napi::Value failure_detail(Napi::Env env, const Failure& failure, int64_t channel, int64_t wire_id);
// [zeros, sum, ...counts per bucket].
Napi::Value histogram_snapshot(Napi::Env env, const HistogramSum& histogram);
// A Uint8Array with a MetaBlock, or null. The view is valid while the array is. False: malformed.
bool read_meta(const Napi::Value& value, MetaView& meta);
// Bytes of any ArrayBufferView. @throws TypeError
struct ByteSpan {
  const uint8_t* data = nullptr;
  size_t size = 0;
};
ByteSpan read_bytes(napi_env env, napi_value value, const char* name);
// An ArrayBuffer over the block's memory, which stays until this and every other owner is gone.
Napi::ArrayBuffer external_buffer(Napi::Env env, const std::shared_ptr<Block>& block);
Napi::Object shape_array(Napi::Env env, bool has_row_axis, uint32_t rows, const std::vector<int64_t>& dims);
}  // namespace penstock::addon

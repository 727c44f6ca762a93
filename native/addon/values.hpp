// JavaScript values that several parts of the addon read or build.
#pragma once
#include "addon/napi_setup.hpp"
#include "contract/sip_hash.hpp"
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
// The text of an ArrayBuffer or a view. @throws TypeError
std::string_view read_body(napi_env env, napi_value value);
// What a Float64Array holds. @throws TypeError unless it is one of `length` numbers.
const double* read_numbers(napi_env env, napi_value value, size_t length);
// An integer among them. @throws RangeError
size_t read_number(napi_env env, const double* numbers, size_t slot, int64_t min, int64_t max);
// SubmissionSlot's requestNumber: WebSocket requests have those above.
inline constexpr int64_t kSubmittedNumberMax = (int64_t{1} << 52) - 1;
// The numbers of a call that has many: an array by the slots of `Slot` (boundary.json).
template <typename Slot>
class Numbers {
 public:
  explicit Numbers(const Napi::Value& value)
      : env_(value.Env()), numbers_(read_numbers(value.Env(), value, Slot::kLength)) {}
  size_t get(size_t slot, int64_t min = 0, int64_t max = INT32_MAX) const {
    return read_number(env_, numbers_, slot, min, max);
  }

 private:
  napi_env env_;
  const double* numbers_;
};
// An ArrayBuffer over the block's memory, which stays until this and every other owner is gone.
Napi::ArrayBuffer external_buffer(Napi::Env env, const std::shared_ptr<Block>& block);
// A key that no caller can foresee, of tables that their values fill.
contract::SipKey random_sip_key();
Napi::Object shape_array(Napi::Env env, bool has_row_axis, uint32_t rows, const std::vector<int64_t>& dims);
}  // namespace penstock::addon

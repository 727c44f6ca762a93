#include "addon/values.hpp"

#include <cmath>
#include <random>

#include "core/boundary_codes.hpp"
#include "flatbuffers/wire_slots.hpp"

namespace penstock::addon {
Napi::Value failure_detail(Napi::Env env, const Failure& failure, int64_t channel, int64_t wire_id) {
  Napi::Object detail = Napi::Object::New(env);
  detail.Set("status", Napi::Number::New(env, static_cast<double>(failure.code)));
  Napi::Array details = Napi::Array::New(env, failure.details.size());
  for (uint32_t i = 0; i < failure.details.size(); ++i)
    details.Set(i, Napi::Number::New(env, static_cast<double>(failure.details[i])));
  detail.Set("details", details);
  detail.Set("text", Napi::String::New(env, failure.text));
  detail.Set("channel", Napi::Number::New(env, static_cast<double>(channel)));
  detail.Set("wireId", Napi::Number::New(env, static_cast<double>(wire_id)));
  return detail;
}

Napi::Value histogram_snapshot(Napi::Env env, const HistogramSum& histogram) {
  auto snapshot = Napi::Float64Array::New(env, HistogramSlot::kLength + Histogram::kBuckets);
  snapshot[HistogramSlot::kZeros] = static_cast<double>(histogram.zeros);
  snapshot[HistogramSlot::kSum] = static_cast<double>(histogram.sum);
  for (uint32_t i = 0; i < Histogram::kBuckets; ++i)
    snapshot[HistogramSlot::kLength + i] = static_cast<double>(histogram.counts[i]);
  return snapshot;
}

ByteSpan read_bytes(napi_env env, napi_value value, const char* name) {
  bool is_kind = false;
  void* data = nullptr;
  size_t length = 0;
  if (napi_is_typedarray(env, value, &is_kind) == napi_ok && is_kind) {
    napi_typedarray_type type;
    size_t bytes_each = 1;
    if (napi_get_typedarray_info(env, value, &type, &length, &data, nullptr, nullptr) == napi_ok) {
      switch (type) {
        case napi_int16_array:
        case napi_uint16_array:
          bytes_each = 2;
          break;
        case napi_int32_array:
        case napi_uint32_array:
        case napi_float32_array:
          bytes_each = 4;
          break;
        case napi_float64_array:
        case napi_bigint64_array:
        case napi_biguint64_array:
          bytes_each = 8;
          break;
        default:
          bytes_each = 1;
      }
      return {static_cast<const uint8_t*>(data), length * bytes_each};
    }
  } else if (napi_is_arraybuffer(env, value, &is_kind) == napi_ok && is_kind) {
    napi_get_arraybuffer_info(env, value, &data, &length);
    return {static_cast<const uint8_t*>(data), length};
  } else if (napi_is_dataview(env, value, &is_kind) == napi_ok && is_kind) {
    napi_get_dataview_info(env, value, &length, &data, nullptr, nullptr);
    return {static_cast<const uint8_t*>(data), length};
  }
  throw Napi::TypeError::New(env, std::string("Expected ") + name + " to be an ArrayBuffer or a view of one.");
}

std::string_view read_body(napi_env env, napi_value value) {
  void* data = nullptr;
  size_t size = 0;
  bool is_buffer = false;
  napi_is_arraybuffer(env, value, &is_buffer);
  if (is_buffer) {
    napi_get_arraybuffer_info(env, value, &data, &size);
    return {static_cast<const char*>(data), size};
  }
  const ByteSpan bytes = read_bytes(env, value, "body");
  return {reinterpret_cast<const char*>(bytes.data), bytes.size};
}

const double* read_numbers(napi_env env, napi_value value, size_t length) {
  bool is_array = false;
  napi_typedarray_type type;
  size_t count = 0;
  void* data = nullptr;
  if (napi_is_typedarray(env, value, &is_array) != napi_ok || !is_array ||
      napi_get_typedarray_info(env, value, &type, &count, &data, nullptr, nullptr) != napi_ok ||
      type != napi_float64_array || count != length)
    throw Napi::TypeError::New(env, "Expected a Float64Array of " + std::to_string(length) + " numbers.");
  return static_cast<const double*>(data);
}

size_t read_number(napi_env env, const double* numbers, size_t slot, int64_t min, int64_t max) {
  const double number = numbers[slot];
  if (!(number >= static_cast<double>(min) && number <= static_cast<double>(max)) || number != std::floor(number))
    throw Napi::RangeError::New(env, "Expected number " + std::to_string(slot) + " to be an integer from " +
                                         std::to_string(min) + " to " + std::to_string(max) + ".");
  return static_cast<size_t>(number);
}

bool read_meta(const Napi::Value& value, MetaView& meta) {
  if (value.IsNull() || value.IsUndefined()) return true;
  const ByteSpan bytes = read_bytes(value.Env(), value, "meta");
  const flatbuffers::Bytes buffer{bytes.data, bytes.size};
  flatbuffers::Table block;
  flatbuffers::Vector entries;
  if (!flatbuffers::Table::open_at_offset(buffer, 0, block)) return false;
  if (!block.vector(slots::meta_block::entries, 4, entries)) return false;
  return MetaView::parse(entries, meta);
}

Napi::ArrayBuffer external_buffer(Napi::Env env, const std::shared_ptr<Block>& block) {
  auto owner = std::make_unique<std::shared_ptr<Block>>(block);
  napi_value buffer = nullptr;
  const auto finalize = [](napi_env, void*, void* hint) { delete static_cast<std::shared_ptr<Block>*>(hint); };
  const napi_status status =
      napi_create_external_arraybuffer(env, block->data(), block->size_bytes(), finalize, owner.get(), &buffer);
  if (status != napi_ok)
    throw Napi::Error::New(env, "Expected an engine that allows external ArrayBuffers, but this one refuses them.");
  owner.release();
  return Napi::ArrayBuffer(env, buffer);
}

contract::SipKey random_sip_key() {
  std::random_device device;
  const auto word = [&] { return uint64_t{device()} << 32 | device(); };
  return {word(), word()};
}

Napi::Object shape_array(Napi::Env env, bool has_row_axis, uint32_t rows, const std::vector<int64_t>& dims) {
  Napi::Array shape = Napi::Array::New(env);
  uint32_t index = 0;
  if (has_row_axis) shape.Set(index++, Napi::Number::New(env, rows));
  for (const int64_t dim : dims) shape.Set(index++, Napi::Number::New(env, static_cast<double>(dim)));
  return shape;
}
}  // namespace penstock::addon

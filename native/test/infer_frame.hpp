// Infer frames as a client writes them, without a FlatBuffers library.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

#include "core/assert.hpp"
#include "flatbuffers/wire_slots.hpp"
#include "test/meta_bytes.hpp"
#include "websocket/frame.hpp"

namespace penstock::testing {

// A minimal Infer frame, written by hand: root, Message, Infer, data, meta.
struct FrameBuilder {
  std::array<uint8_t, 512> room{};
  size_t size = 0;

  template <typename T>
  void put(size_t at, T value) {
    PENSTOCK_ASSERT(at + sizeof(T) <= room.size());
    std::memcpy(room.data() + at, &value, sizeof(T));
    size = std::max(size, at + sizeof(T));
  }
  std::vector<uint8_t> bytes() const { return {room.begin(), room.begin() + static_cast<std::ptrdiff_t>(size)}; }
};

inline std::vector<uint8_t> infer_frame(uint32_t channel, uint32_t id, uint32_t rows, const std::vector<float>& data,
                                        Body type = Body::kInfer, uint32_t deadline_ms = 0,
                                        const std::vector<MetaBytes::Entry>& meta = {}) {
  FrameBuilder b;
  b.put<uint32_t>(0, 16);
  b.put<uint16_t>(4, 8), b.put<uint16_t>(6, 12), b.put<uint16_t>(8, 8), b.put<uint16_t>(10, 4);
  b.put<int32_t>(16, 12), b.put<uint32_t>(20, 52 - 20), b.put<uint8_t>(24, static_cast<uint8_t>(type));
  // vtable of Infer at 28: channel, request, rows, data, dims, meta, deadline_ms
  b.put<uint16_t>(28, 18), b.put<uint16_t>(30, 28);
  const uint16_t fields[] = {4, 8, 12, 16, 0, static_cast<uint16_t>(meta.empty() ? 0 : 24), 20};
  for (size_t i = 0; i < 7; ++i) b.put<uint16_t>(32 + 2 * i, fields[i]);
  b.put<int32_t>(52, 52 - 28), b.put<uint32_t>(56, channel), b.put<uint32_t>(60, id), b.put<uint32_t>(64, rows);
  b.put<uint32_t>(68, 80 - 68), b.put<uint32_t>(72, deadline_ms), b.put<uint32_t>(76, 0);
  b.put<uint32_t>(80, static_cast<uint32_t>(data.size() * 4));
  for (size_t i = 0; i < data.size(); ++i) b.put<float>(84 + 4 * i, data[i]);
  std::vector<uint8_t> bytes = b.bytes();
  if (meta.empty()) return bytes;
  const MetaBytes entries(meta);
  const auto distance = static_cast<uint32_t>(bytes.size() - 76);
  std::memcpy(bytes.data() + 76, &distance, 4);
  bytes.insert(bytes.end(), entries.bytes().begin(), entries.bytes().end());
  return bytes;
}
}  // namespace penstock::testing

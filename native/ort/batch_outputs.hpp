// Outputs whose shape shows only after the run: copied once into memory of the batch.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "batch/batch.hpp"

namespace penstock::ort {
enum class Stored : uint8_t {
  kOk,
  kDiffers,  // from the declared field, or from another part of the batch
  kNoMemory,
};

// `dims` with the row axis first, except in non-batching queues; the rows lie from `batch_row` on.
Stored store_output(Batch& batch, size_t output, const std::byte* data, size_t size_bytes, std::vector<int64_t> dims,
                    uint32_t batch_row);
}  // namespace penstock::ort

// One of the two buffers of a log: its record batches, and which of them the next rows belong to.
#include "log/row_log.hpp"

namespace penstock {
uint64_t RowLog::Side::row_count() const noexcept {
  uint64_t rows = encoded_rows;
  for (size_t i = 0; i < batches_used; ++i) rows += batches[i]->row_count();
  return rows;
}

LogRows& RowLog::Side::open_batch(const LogOptions& options) {
  const bool is_full = batches_used > 0 && (batches[batches_used - 1]->bytes() >= kRecordBatchBytesMax ||
                                            batches[batches_used - 1]->row_count() >= kRecordBatchRowsMax);
  return batches_used == 0 || is_full ? next_batch(options) : *batches[batches_used - 1];
}

LogRows& RowLog::Side::next_batch(const LogOptions& options) {
  if (batches_used == batches.size())
    batches.push_back(std::make_unique<LogRows>(options.columns, options.list_elements_max));
  return *batches[batches_used++];
}

// What a burst needed beyond a batch is given back.
void RowLog::Side::clear() {
  if (batches.size() > 1) batches.resize(1);
  for (const auto& batch : batches) batch->clear();
  batches_used = 0;
  batch_bytes = 0;
  encoded.clear();
  encoded_bytes = 0;
  encoded_rows = 0;
}
}  // namespace penstock

// What one answered request adds to a Results frame: its size while the frame is measured, its bytes once it is laid
// out. Memory: the frame is the gateway's outbox, lent for the call. Thread: the port's.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "runtime/request.hpp"
#include "websocket/frame_columns.hpp"
#include "websocket/frame.hpp"

namespace penstock::websocket {
size_t data_bytes_of(const Request& request);
bool has_failed_checks(const Request& request);
CacheUse cache_use_of(const Request& request);
// The values of the answer's free dims beyond the row axis, in order.
void free_answer_dims(const Request& request, std::vector<uint32_t>& dims);

// The room that the request's timing takes, and the timing itself.
void shape_timing(const Request& request, ResultsShape& shape);
void put_timing(const Request& request, const ResultsPlaces& places, std::byte* frame);

// Puts results behind each other into a frame whose places are known.
struct ResultsWriter {
  std::byte* frame;
  ResultsPlaces places;
  uint32_t result = 0;
  uint32_t row = 0;
  size_t data = 0;
  size_t trace_text = 0;  // where the next one goes

  // @param made of the request's channel, in the order of its answers.
  void add(const Request& request, MadeAnswers& made);

 private:
  void put_outputs(const Request& request);
};
}  // namespace penstock::websocket

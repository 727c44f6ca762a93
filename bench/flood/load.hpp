// What the epoll loop of main.cpp drives: one object for all connections of a load. The loop is closed: each answer
// sends the next request on its connection at once, so connections x in flight is the number of requests on the way.
#pragma once

#include <cstddef>
#include <memory>

#include "options.hpp"
#include "request_set.hpp"
#include "transport.hpp"

namespace flood {

class Load {
 public:
  virtual ~Load() = default;
  virtual size_t connection_count() const noexcept = 0;
  virtual Connection& connection(size_t index) noexcept = 0;
  // Connects and shakes hands; blocks. Ends the program with a sentence when the server refuses.
  virtual void open(size_t index) = 0;
  // Appends the first requests of a connection; the caller flushes.
  virtual void start(size_t index) = 0;
  // Consumes the complete messages that were received, appends the requests that take their place.
  // False when the connection cannot go on.
  virtual bool advance(size_t index) = 0;
};

std::unique_ptr<Load> make_websocket_load(const Options& options, const RequestSet& set, Meter& meter);
std::unique_ptr<Load> make_http_load(const Options& options, const RequestSet& set, Meter& meter);

}  // namespace flood

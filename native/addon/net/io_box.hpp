// The I/O threads of one listening port. They start when it listens, so that a handler can be set before.
#pragma once
#include <memory>
#include <utility>
#include <vector>

#include "addon/handles.hpp"
#include "net/events.hpp"
#include "net/loop.hpp"
#include "net/service/io_service.hpp"

namespace penstock::addon {
struct IoBox {
  static constexpr napi_type_tag kTag{0x6d2f90b7e14ac853, 0xb97e05d3824f6a1c};
  static constexpr const char* kName = "io";
  ~IoBox() { close(); }
  void close() {
    is_closed = true;
    for (const auto& loop : loops) loop->stop();
    for (const auto& service : services) service->attach(nullptr);
  }
  net::ConnectionShare* share_of(uint64_t id) const noexcept {
    const uint32_t number = net::IoLoop::loop_of(id);
    const uint32_t slot = net::IoLoop::slot_of(id);
    return number < shares.size() && slot < shares[number].size() ? shares[number][slot].get() : nullptr;
  }
  net::IoLoop* loop_of(uint64_t id) const noexcept {
    const uint32_t number = net::IoLoop::loop_of(id);
    return number < loops.size() ? loops[number].get() : nullptr;
  }

  std::shared_ptr<Waker> waker;
  std::unique_ptr<net::EventQueue> events;  // outlives the loops
  // Those that serve without JavaScript, one a loop, or none; they outlive the loops.
  std::vector<std::shared_ptr<net::service::IoService>> services;
  std::vector<std::unique_ptr<net::IoLoop>> loops;
  // JavaScript's: of the connections that it knows, by loop and slot.
  std::vector<std::vector<std::shared_ptr<net::ConnectionShare>>> shares;
  std::vector<net::IoEvent> taken;
  size_t given = 0;
  // Received bytes that the last take gave out: handled when the next one is called.
  std::vector<std::pair<uint64_t, size_t>> handling;
  bool is_started = false;
  bool is_closed = false;
};
}  // namespace penstock::addon

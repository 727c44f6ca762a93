// The handle of a session, and the numbers by which isolates adopt one.
#pragma once
#include <map>
#include <memory>
#include <mutex>

#include "addon/napi_setup.hpp"
#include "ort/session.hpp"

namespace penstock::addon {
struct SessionBox {
  static constexpr napi_type_tag kTag{0x71c3e84d0b6f2a95, 0x3d5a90e7c41f86b2};
  static constexpr const char* kName = "session";
  std::shared_ptr<ort::Session> session;  // shared with the boxes of other isolates
  bool is_closed = false;
};

// Weak: a session lives as long as somebody has a handle of it.
class SessionRegistry {
 public:
  static SessionRegistry& instance();
  double share(const std::shared_ptr<ort::Session>& session);
  std::shared_ptr<ort::Session> adopt(double id);

 private:
  std::mutex mutex_;
  std::map<uint64_t, std::weak_ptr<ort::Session>> sessions_;
  uint64_t last_id_ = 0;
};
}  // namespace penstock::addon

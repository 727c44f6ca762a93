// What a congested connection gets: the part of Gateway that counts what the kernel has taken, and goes on when it has.
#include <utility>

#include "websocket/gateway.hpp"

namespace penstock::websocket {
bool Gateway::acknowledge(Connection& connection, size_t frames) {
  for (; frames > 0 && !connection.unacknowledged.empty(); --frames) {
    connection.release(connection.unacknowledged.front().results);
    connection.unread_bytes -= connection.unacknowledged.front().bytes;
    connection.unacknowledged.pop_front();
  }
  return list_held_back(connection);
}

bool Gateway::set_congested(Connection& connection, bool is_congested) {
  connection.is_congested = is_congested;
  return !is_congested && acknowledge(connection, connection.unacknowledged.size());
}

bool Gateway::list_held_back(Connection& connection) {
  if (connection.ready_bytes == 0 || is_held_back(connection)) return false;
  for (const auto& channel : connection.channels)
    if (channel != nullptr && channel->head != nullptr && !std::exchange(channel->is_listed, true))
      listed_.push_back({connection.id, connection.generation, channel->id});
  return true;
}
}  // namespace penstock::websocket

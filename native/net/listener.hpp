// A listening TCP socket that no other process shares.
#pragma once
#include <cstdint>
#include <string>

namespace penstock::net {

struct Listener {
  int fd = -1;  // non-blocking; -1: the address is not to be had
  uint16_t port = 0;
};

// Binds `host`, a name or an address, and listens. port 0: any that is free. Blocks while a name is looked up.
// Owner of the descriptor: the caller.
Listener open_listener(const std::string& host, uint16_t port);

// The address of the other end as text, an IPv4 one without its IPv6 prefix; '' when it is gone.
std::string peer_address(int fd);

}  // namespace penstock::net

// The connections of one thread in one protocol: what the loop of worker.hpp drives. A client sends jobs, recognises
// their answers, compares and counts them; it neither waits nor decides when to send.
//
// A connection that is lost fails its jobs and is connected again, with a pause after a failed try, so that a server
// that restarts is found again and one that is gone does not cost a core.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "load/client/compare.hpp"
#include "load/client/connection.hpp"
#include "load/plan/plan.hpp"
#include "load/report/counters.hpp"

namespace penstock::load {

inline constexpr int64_t kReconnectPauseNs = 50'000'000;
// A server that says nothing for so long during the set-up is not there.
inline constexpr int kSetupLimitMs = 10'000;

class Client {
 public:
  virtual ~Client() = default;
  virtual Connection& connection(size_t index) noexcept = 0;
  // Before the load: connects and shakes hands, waiting. Ends the program with a sentence when the server refuses.
  virtual void open(size_t index, Buffer& scratch) = 0;
  // Jobs that may be sent on this connection now.
  virtual uint32_t room(size_t index) const noexcept = 0;
  virtual uint32_t in_flight(size_t index) const noexcept = 0;
  // Takes the job; the caller flushes.
  virtual void send(size_t index, const Job& job) = 0;
  // Appends the bytes of what was sent and waits for company; before each flush.
  virtual void finish_frames(size_t) {}
  // Reads what was received. False when the connection is to be closed; `reason()` says why.
  virtual bool advance(size_t index, int64_t now_ns) = 0;
  // After a failed read, write or advance: fails the jobs of the connection, or finishes one that the end completes.
  virtual void lose(size_t index, std::string_view reason, int64_t now_ns) = 0;
  // Connects again; the loop calls it once the pause is over. False: pause again.
  virtual bool reopen(size_t index) = 0;
  // The jobs that nobody will wait for any longer.
  virtual void give_up(size_t index, std::string_view reason) = 0;

  void count_into(Counters& counters) noexcept { counters_ = &counters; }
  const std::string& reason() const noexcept { return reason_; }

 protected:
  Counters& counters() noexcept { return *counters_; }
  std::string reason_;

 private:
  Counters* counters_ = nullptr;
};

// `sets` has one set per kind of the plan and outlives the client.
std::unique_ptr<Client> make_websocket_client(const Plan& plan, const Address& address,
                                              const std::vector<RequestSet>& sets, size_t connections);
std::unique_ptr<Client> make_http_client(const Plan& plan, const Address& address, const std::vector<RequestSet>& sets,
                                         size_t connections);

}  // namespace penstock::load

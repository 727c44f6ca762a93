// Jobs of workers: whatever is no batch (load, unload, stop, runs of models without a queue), and whose reply goes to a
// port. A job for one worker lies with that worker, a job for any of them here. Callers hold the scheduler's mutex.
#pragma once
#include <cstdint>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

namespace penstock {
class Port;

struct Job {
  std::weak_ptr<Port> reply_to;
  double tag = 0;
  std::vector<uint8_t> payload;
  // A run that may take long: it leaves the last free worker to others, as a long batch does.
  bool is_long = false;
  int64_t posted_ns = 0;
};

// The jobs that any worker may do, the oldest first.
class JobQueue {
 public:
  bool is_empty() const noexcept { return jobs_.empty(); }
  void push(Job job) { jobs_.push_back(std::move(job)); }
  // Takes the oldest that may run now. False: there is none. Linear in the long ones that wait.
  bool take(bool may_be_long, Job& job);
  std::deque<Job> take_all() noexcept { return std::exchange(jobs_, {}); }
  const std::deque<Job>& all() const noexcept { return jobs_; }

 private:
  std::deque<Job> jobs_;
};
}  // namespace penstock

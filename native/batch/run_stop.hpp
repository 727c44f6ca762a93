// How a run that does not end is ended by another thread, which knows only the worker.
//
//     the worker   begin ──► run ──► end ─► begin ─► … (parts of a batch, its entries one by one)      reset (take)
//     another         └──── want ──► stop() ─┘  └─ refused: what was wanted holds for the rest of what is in hand
//
// Threads: `begin`, `end`, `reset` of the worker; `want` and `is_unheard` of any.
#pragma once
#include <mutex>

namespace penstock {
// Something under way that can be ended from outside. Lives from begin to end.
class StoppableRun {
 public:
  virtual ~StoppableRun() = default;
  virtual void stop() noexcept = 0;
  // Whether nobody waits for what it makes any more.
  virtual bool is_unheard() const noexcept { return false; }
};

class RunStop {
 public:
  // False: it is not to begin, for what is in hand was to be ended.
  bool begin(StoppableRun& run) {
    std::lock_guard lock(mutex_);
    if (is_wanted_) return false;
    run_ = &run;
    return true;
  }
  void end() {
    std::lock_guard lock(mutex_);
    run_ = nullptr;
  }
  // Something else is in hand.
  void reset() {
    std::lock_guard lock(mutex_);
    is_wanted_ = false;
  }
  // False: nothing is under way that could be ended.
  bool want() {
    std::lock_guard lock(mutex_);
    if (run_ == nullptr) return false;
    is_wanted_ = true;
    run_->stop();
    return true;
  }
  bool is_wanted() const {
    std::lock_guard lock(mutex_);
    return is_wanted_;
  }
  bool is_unheard() const {
    std::lock_guard lock(mutex_);
    return run_ != nullptr && run_->is_unheard();
  }

 private:
  mutable std::mutex mutex_;
  StoppableRun* run_ = nullptr;
  bool is_wanted_ = false;
};
}  // namespace penstock

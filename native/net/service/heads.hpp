// Heads of HTTP requests that JavaScript has judged. Who may call, which media types mean JSON columns, what a path
// names: all of it is decided in one place, in TypeScript, and what was decided for a head holds for every request that
// brings the same one, for a moment. After that JavaScript is asked again; so a key that was revoked, or has expired,
// ends within that moment, and no rule stands here a second time.
//
// A head is the same when path and all headers that handlers read are, byte by byte (src/transport/request-headers.ts
// names them). One that has a query, a header twice, or a header that belongs to a single request, is never the same.
// Thread: whoever holds the service's lock.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "core/caller_limit.hpp"
#include "net/http/request_parser.hpp"
#include "runtime/runtime.hpp"

namespace penstock::net::service {
struct JudgedHead {
  std::shared_ptr<Pipeline> pipeline;
  double plan_key = 0;                 // whose answers JavaScript has given a form; of another plan nothing is known
  std::shared_ptr<CallerLimit> limit;  // null: none
  uint32_t route = 0;                  // to be counted
  int64_t until_us = 0;
};

// Writes what tells heads apart: the path, then a line for each header that a handler may read on the fast path, in the
// order of `keptHeaders` of src/transport/request-headers.ts. False: the request is JavaScript's.
bool write_head_key(const RequestParser& head, std::string_view received, std::string& key);

class Heads {
 public:
  static constexpr size_t kHeadsMax = 1024;
  static constexpr int64_t kMomentUs = 250'000;

  void keep(std::string key, JudgedHead head) {
    // Callers that never bring the same head twice: what is kept of them is worth nothing.
    if (heads_.size() >= kHeadsMax && !heads_.contains(key)) heads_.clear();
    heads_.insert_or_assign(std::move(key), std::move(head));
  }

  // Null: JavaScript has to judge it.
  const JudgedHead* find(std::string_view key, int64_t now_us) const {
    const auto found = heads_.find(key);
    return found == heads_.end() || now_us >= found->second.until_us ? nullptr : &found->second;
  }

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
  };
  std::unordered_map<std::string, JudgedHead, Hash, std::equal_to<>> heads_;
};
}  // namespace penstock::net::service

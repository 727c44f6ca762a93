// A request's way through the prediction cache of its deployment (cache/prediction_cache.hpp): found at admission, when
// its splits have chosen; kept when all its rows are back, with what its log and its checks had of it.
//
// What is not kept: failures; requests that were cancelled or expired; answers of requests that nobody waits for
// (background priority), which would drive out what callers ask for. Challengers are not run for a request that is
// answered from the cache: its log has what they gave when they ran.
#pragma once
#include "runtime/executor.hpp"

namespace penstock {
// True: the request, whose plan has a cache, has all that its answer is made of, and is not to be run.
bool find_cached(Request& request, const Submission& submission);
// All rows of the request are back, and it has not failed.
void keep_answer(Request& request);

// The tensor of a request that was answered from the cache. Null: the source has no rows.
const CachedTensor* cached_tensor(const Request& request, const Source& source) noexcept;
}  // namespace penstock

// The continuation of a request: what happens when the foreground rows of its stage are done. Used by admission and
// executor.
#pragma once
#include "runtime/executor.hpp"

namespace penstock {
// Rule 2: the caller brought foreground_rows to zero at `done_ns`. The request is not to be touched afterwards.
void run_continuation(Request& request, int64_t done_ns, Completions& completions, Publisher& publisher);
// The same for a request that has its answer without a run.
void complete_unrun(Request& request, Completions& completions);
}  // namespace penstock

// Gives free heap memory back to the system. glibc keeps what threads have freed in per-thread arenas, with holes that
// nothing closes by itself: loading, trying and unloading a model of 20 MB leaves hundreds of megabytes there for good.
// Thread: any. Each arena is locked while it is walked, so a thread that allocates in it meanwhile waits: milliseconds
// for each hundred megabytes, hence never on the request path.
#pragma once

namespace penstock {
// Returns false where the C library has no such call (musl, macOS): it then does as it pleases, and nothing is lost.
bool release_free_memory() noexcept;
}  // namespace penstock

// Gives free heap memory back to the system. glibc keeps what threads have freed in per-thread arenas, with holes that
// nothing closes by itself: loading, trying and unloading a model of 20 MB leaves hundreds of megabytes there for good.
// Thread: any. Each arena is locked while it is walked, so a thread that allocates in it meanwhile waits: milliseconds
// for each hundred megabytes, hence never on the request path.
#pragma once

namespace penstock {
// Returns false where the C library has no such call (musl, macOS): it then does as it pleases, and nothing is lost.
bool release_free_memory() noexcept;

// From now on the C library keeps less of what is freed: large blocks are mappings of their own, which end with their
// free, and the free end of an arena goes back beyond a small rest. glibc raises both limits to the largest block that
// was ever freed, 32 and 64 MiB, and the end of an arena is nothing that release_free_memory reaches: a server that
// loads large models keeps up to 64 MiB for each of its arenas for good. Of the whole process, and its owner's to
// decide: not for a program that embeds the engine. Returns false like the other.
bool keep_little_free_memory() noexcept;
}  // namespace penstock

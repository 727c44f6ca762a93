// How the generator ends when the load cannot be run at all: one sentence on stderr and a status that tells whose
// fault it is. A program of its own may do that; src/loadtest/native/load-process.ts makes an error of it.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>

namespace penstock::load {

inline constexpr int kStatusTarget = 1;  // the server is not there, or refuses the set-up
inline constexpr int kStatusPlan = 2;    // the plan, or a file that it names

[[noreturn]] inline void abandon(int status, const std::string& sentence) {
  std::fprintf(stderr, "%s\n", sentence.c_str());
  // Not exit(): other threads may still run, and nothing here needs an orderly end.
  std::fflush(nullptr);
  std::_Exit(status);
}

}  // namespace penstock::load

// How the generator ends when the load cannot be run at all: one sentence on stderr and a status that says whose
// fault it is. A program of its own may do that; src/loadtest/native/load-process.ts makes an error of it.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>

#include "core/boundary_codes.hpp"

namespace penstock::load {

[[noreturn]] inline void abandon(LoadStatus status, const std::string& sentence) {
  std::fprintf(stderr, "%s\n", sentence.c_str());
  // Not exit(): other threads may still run, and nothing here needs an orderly end.
  std::fflush(nullptr);
  std::_Exit(static_cast<int>(status));
}

}  // namespace penstock::load

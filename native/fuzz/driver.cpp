// Runs a fuzz target where the compiler has no libFuzzer: every file of a corpus as it is, then mutations of them,
// drawn from a seed so that a failure comes again. It knows nothing of coverage, so it finds less; a canary shows that
// it finds something. Usage: http_fuzz [-max_total_time=SECONDS] [-seed=NUMBER] [-artifact_prefix=FOLDER/]
// FOLDER-OR-FILE…
//
// With files alone, no folder, it runs those once and ends.
//
// Goals: the same command line and the same finding of sanitizers as libFuzzer. Non-goals: minimising, merging,
// threads.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/split_mix.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

using Input = std::vector<uint8_t>;
constexpr size_t kInputBytesMax = 4096;
constexpr size_t kMutationsMax = 6;

// What runs now, and the file it is written to when the process dies of it.
Input running;
std::string crash_path = "crash-input";

class Draws {
 public:
  explicit Draws(uint64_t seed) : seed_(seed) {}
  // In [0, count); count > 0.
  size_t below(size_t count) {
    return static_cast<size_t>(penstock::uniform(seed_, index_++) * static_cast<double>(count));
  }

 private:
  uint64_t seed_;
  uint64_t index_ = 0;
};

// Texts that a grammar hangs on: single bytes seldom make one.
constexpr std::string_view kWords[] = {"\r\n",
                                       "\n",
                                       "\r",
                                       "\r\n\r\n",
                                       ":",
                                       " ",
                                       "\t",
                                       ",",
                                       ";",
                                       "=",
                                       "0",
                                       "1",
                                       "ffff",
                                       "chunked",
                                       "0\r\n\r\n",
                                       "Host: h\r\n",
                                       "GET ",
                                       "HTTP/1.0",
                                       "Content-Length: ",
                                       "Transfer-Encoding: chunked\r\n",
                                       "Expect: 100-continue\r\n"};

void mutate(Input& input, const std::vector<Input>& corpus, Draws& draws) {
  const size_t at = draws.below(input.size() + 1);
  const size_t rest = input.size() - at;
  const auto place = [&](size_t index) { return input.begin() + static_cast<ptrdiff_t>(index); };
  switch (draws.below(7)) {
    case 0:
      if (rest > 0) input[at] = static_cast<uint8_t>(draws.below(256));
      break;
    case 1:
      if (rest > 0) input[at] = static_cast<uint8_t>(input[at] ^ (1u << draws.below(8)));
      break;
    case 2:
      if (rest > 0) input.erase(place(at), place(at + 1 + draws.below(std::min<size_t>(rest, 16))));
      break;
    case 3:
      input.resize(at);
      break;
    case 4: {
      const std::string_view word = kWords[draws.below(std::size(kWords))];
      input.insert(place(at), word.begin(), word.end());
      break;
    }
    case 5: {
      const Input& other = corpus[draws.below(corpus.size())];
      const size_t from = draws.below(other.size() + 1);
      input.insert(place(at), other.begin() + static_cast<ptrdiff_t>(from), other.end());
      break;
    }
    default: {
      const size_t copied = std::min<size_t>(rest, 1 + draws.below(64));
      const Input part(place(at), place(at + copied));
      input.insert(place(at), part.begin(), part.end());
    }
  }
  if (input.size() > kInputBytesMax) input.resize(kInputBytesMax);
}

void run(const Input& input) {
  running = input;
  // A copy as long as it is: a read beyond it is one beyond its block.
  const Input exact(input.begin(), input.end());
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

bool read_file(const std::filesystem::path& path, Input& input) {
  std::FILE* const file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) return false;
  input.resize(kInputBytesMax);
  input.resize(std::fread(input.data(), 1, input.size(), file));
  std::fclose(file);
  return true;
}

std::vector<std::filesystem::path> files_of(const std::filesystem::path& path) {
  if (!std::filesystem::is_directory(path)) return {path};
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(path)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

// Called by the sanitizers before they end the process, and by abort.
void save_running() {
  std::FILE* const file = std::fopen(crash_path.c_str(), "wb");
  if (file == nullptr) return;
  std::fwrite(running.data(), 1, running.size(), file);
  std::fclose(file);
  std::fprintf(stderr, "the input is in %s: run this program with it\n", crash_path.c_str());
}

}  // namespace

extern "C" void __sanitizer_set_death_callback(void (*callback)());

int main(int argument_count, char** arguments) {
  uint64_t seconds = 10;
  uint64_t seed = 1;
  bool has_folder = false;
  std::vector<Input> corpus;
  for (int index = 1; index < argument_count; ++index) {
    const std::string argument = arguments[index];
    if (argument.starts_with("-max_total_time=")) {
      seconds = std::strtoull(argument.c_str() + 16, nullptr, 10);
    } else if (argument.starts_with("-seed=")) {
      seed = std::strtoull(argument.c_str() + 6, nullptr, 10);
    } else if (argument.starts_with("-artifact_prefix=")) {
      crash_path = argument.substr(17) + "crash-input";
    } else if (!argument.starts_with("-")) {
      has_folder = has_folder || std::filesystem::is_directory(argument);
      for (const std::filesystem::path& path : files_of(argument)) {
        Input input;
        if (!read_file(path, input)) return std::fprintf(stderr, "cannot read %s\n", path.c_str()), 2;
        corpus.push_back(std::move(input));
      }
    }
  }
  if (corpus.empty()) return std::fprintf(stderr, "Expected a folder of inputs but received none\n"), 2;
  __sanitizer_set_death_callback(save_running);
  for (const Input& input : corpus) run(input);
  if (!has_folder) return 0;

  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  Draws draws(seed);
  uint64_t runs = corpus.size();
  while (std::chrono::steady_clock::now() < end) {
    Input input = corpus[draws.below(corpus.size())];
    for (size_t left = 1 + draws.below(kMutationsMax); left > 0; --left) mutate(input, corpus, draws);
    run(input);
    ++runs;
  }
  std::printf("%llu runs from %zu inputs, seed %llu\n", static_cast<unsigned long long>(runs), corpus.size(),
              static_cast<unsigned long long>(seed));
  return 0;
}

// Claims about opening ONNX Runtime's library: what is no such library, of another version, or has another table, is
// refused with the reason, and the real one passes every trial.
#include "ort/library.hpp"

#include "test/ort/onnx_runtime.hpp"
#include "test/testing.hpp"

using namespace penstock;
using namespace penstock::testing;

namespace {
std::string refusal_of(const char* path, const char* version, const char* fault = "") {
  setenv("PENSTOCK_STAND_IN", fault, 1);
  std::string refusal;
  CLAIM(ort::Library::try_open(path, version, refusal) == nullptr);
  return refusal;
}

bool contains(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}
}  // namespace

TEST("library: a file that is not there, and a library of something else, are refused") {
  CLAIM(contains(refusal_of("/penstock/no/such.so", "1.0.0"), "/penstock/no/such.so"));
  CLAIM(refusal_of("libc.so.6", "1.0.0") == "it has no function OrtGetApiBase");
}

TEST("library: another version than the package's is refused") {
  CLAIM(refusal_of(PENSTOCK_ORT_STAND_IN, "1.98.0") == "it is version 1.99.0, where the package is version 1.98.0");
}

TEST("library: a table that is not what it is taken for is refused before a model depends on it") {
  const auto refused = [](const char* fault) { return refusal_of(PENSTOCK_ORT_STAND_IN, "1.99.0", fault); };
  CLAIM(contains(refused("no table"), "no function table of version 15"));
  CLAIM(refused("empty entry") == "entry 9 of its function table is no function of it");
  CLAIM(refused("foreign entry") == "entry 9 of its function table is no function of it");
  CLAIM(refused("no status") == "CreateStatus gives nothing");
  CLAIM(refused("other code") == "a status does not say what it was made of");
  CLAIM(refused("other text") == "a status does not say what it was made of");
  CLAIM(refused("") == "its memory of the CPU has another name");
}

TEST("library: that of the package passes, and is opened once") {
  const ort::Library* const library = onnx_runtime();
  if (library == nullptr) return;
  CLAIM(library->env() != nullptr);
  CLAIM(ort::try_functions(*library).empty());
  CLAIM(ort::Library::open("/penstock/another.so", "0").empty());
  CLAIM(ort::Library::instance() == library);
}

int main() {
  return run_all();
}

// Stands in for a library of ONNX Runtime that is not what it should be: PENSTOCK_STAND_IN names what is wrong with it.
#include <array>
#include <cstdlib>
#include <cstring>

namespace {
int status = 0;
bool is_fault(const char* name) {
  const char* const fault = std::getenv("PENSTOCK_STAND_IN");
  return fault != nullptr && std::strcmp(fault, name) == 0;
}

void* create_status(int, const char*) {
  return is_fault("no status") ? nullptr : &status;
}
int error_code(const void*) {
  return is_fault("other code") ? 7 : 2;
}
const char* error_text(const void*) {
  return is_fault("other text") ? "entry of something else" : "penstock";
}
// Success, with nothing made.
void* nothing() {
  return nullptr;
}

std::array<const void*, 253> table() {
  std::array<const void*, 253> functions;
  functions.fill(reinterpret_cast<const void*>(&nothing));
  functions[0] = reinterpret_cast<const void*>(&create_status);
  functions[1] = reinterpret_cast<const void*>(&error_code);
  functions[2] = reinterpret_cast<const void*>(&error_text);
  if (is_fault("empty entry")) functions[9] = nullptr;
  if (is_fault("foreign entry")) functions[9] = reinterpret_cast<const void*>(&std::getenv);
  return functions;
}

const void* table_of(unsigned) {
  static std::array<const void*, 253> functions;
  functions = table();
  return is_fault("no table") ? nullptr : functions.data();
}
const char* version() {
  return "1.99.0";
}
struct Base {
  const void* (*table)(unsigned);
  const char* (*version)();
};
constexpr Base base{table_of, version};
}  // namespace

extern "C" __attribute__((visibility("default"))) const void* OrtGetApiBase() {
  return &base;
}

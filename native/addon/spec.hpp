// Reads the specs of bindings/native-addon.ts. TypeScript has checked them with good words; what is wrong here is a bug
// of the caller inside this package, so the RangeErrors only name the field.
#pragma once
#include "addon/napi_setup.hpp"
#include "log/row_log.hpp"
#include "plan/plan.hpp"

namespace penstock::addon {
QueueOptions read_queue_options(const Napi::Object& spec);
std::shared_ptr<Plan> read_plan(const Napi::Object& spec);
LogOptions read_log_options(const Napi::Object& spec);
Source read_source(const Napi::Object& spec);
// A number that is an integer in [minimum, maximum]. @throws RangeError naming the argument.
int64_t read_integer(const Napi::Value& value, const char* name, int64_t minimum, int64_t maximum);
}  // namespace penstock::addon

// What a deployed pipeline version's JSON bodies and answers have in common, prepared once by the HTTP transport
// (src/transport/http/answer-form.ts) and kept with the plan: names to look for, and pieces of the answer that are JSON
// text already. Plain data; only the port's thread reads it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace penstock {
struct AnswerForm {
  struct Output {
    size_t source = 0;  // index in plan.answer
    std::string head;   // `"name":`, from the second on with a comma before it
  };
  struct Route {
    std::string label;       // JSON text
    std::string last_model;  // JSON text, when all rows took this branch
  };
  std::vector<std::string> input_names;  // in the plan's order, as bytes of UTF-8 that need no escape in JSON
  std::vector<Output> outputs;           // in the order of the answer
  std::vector<std::string> checks;       // `{"check":"name","rows":[` by check of the plan
  std::string metadata;                  // `,"metadata":{…,"request_id":"instance-`, the number follows in base 36
  std::string last_model;                // JSON text, when no row was routed
  std::vector<Route> routes;             // by branch of the plan's route_split
};
}  // namespace penstock

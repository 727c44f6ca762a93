// Small ONNX models, written byte by byte: fields of a message are a tag, a length and the contents.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace penstock::testing {
inline std::string varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
  return bytes + static_cast<char>(value);
}
inline std::string number(int field, uint64_t value) {
  return varint(static_cast<uint64_t>(field) << 3) + varint(value);
}
inline std::string bytes(int field, const std::string& contents) {
  return varint(static_cast<uint64_t>(field) << 3 | 2) + varint(contents.size()) + contents;
}

// ValueInfoProto; a dim of 0 is free.
inline std::string value(const std::string& name, int type, const std::vector<uint64_t>& dims) {
  std::string shape;
  for (const uint64_t dim : dims) shape += bytes(1, dim == 0 ? bytes(2, "n") : number(1, dim));
  return bytes(1, name) + bytes(2, bytes(1, number(1, static_cast<uint64_t>(type)) + bytes(2, shape)));
}
inline std::string node(const std::string& op, const std::vector<std::string>& inputs,
                        const std::vector<std::string>& outputs, const std::string& attributes = "") {
  std::string text;
  for (const auto& input : inputs) text += bytes(1, input);
  for (const auto& output : outputs) text += bytes(2, output);
  return text + bytes(4, op) + attributes;
}
struct Graph {
  std::vector<std::string> nodes, inputs, outputs;
};
inline std::string graph_bytes(const Graph& graph) {
  std::string text;
  for (const auto& one : graph.nodes) text += bytes(1, one);
  text += bytes(2, "g");
  for (const auto& input : graph.inputs) text += bytes(11, input);
  for (const auto& output : graph.outputs) text += bytes(12, output);
  return text;
}
inline std::vector<uint8_t> model_bytes(const Graph& graph) {
  const std::string text = number(1, 7) + bytes(7, graph_bytes(graph)) + bytes(8, number(2, 13));
  return {text.begin(), text.end()};
}

// y = x + x, float32 [n, 2].
inline std::vector<uint8_t> doubling() {
  return model_bytes({{node("Add", {"x", "x"}, {"y"})}, {value("x", 1, {0, 2})}, {value("y", 1, {0, 2})}});
}
// y = the upper left of x that is not zero, as indexes: int64 [2, n]; its shape shows only then.
inline std::vector<uint8_t> finding() {
  return model_bytes({{node("NonZero", {"x"}, {"y"})}, {value("x", 1, {0, 2})}, {value("y", 7, {2, 0})}});
}
// t = s, strings.
inline std::vector<uint8_t> repeating() {
  return model_bytes({{node("Identity", {"s"}, {"t"})}, {value("s", 8, {0})}, {value("t", 8, {0})}});
}
// y = x, negated as often as the largest number of x says: float32 [n, 2].
inline std::vector<uint8_t> looping() {
  const Graph body{{node("Identity", {"on"}, {"go"}), node("Neg", {"s"}, {"t"})},
                   {value("i", 7, {}), value("on", 9, {}), value("s", 1, {0, 2})},
                   {value("go", 9, {}), value("t", 1, {0, 2})}};
  const std::string keep = bytes(5, bytes(1, "keepdims") + number(3, 0) + number(20, 2));
  const std::string to_int = bytes(5, bytes(1, "to") + number(3, 7) + number(20, 2));
  const std::string with_body = bytes(5, bytes(1, "body") + bytes(6, graph_bytes(body)) + number(20, 5));
  return model_bytes({{node("ReduceMax", {"x"}, {"m"}, keep), node("Cast", {"m"}, {"turns"}, to_int),
                       node("Loop", {"turns", "", "x"}, {"y"}, with_body)},
                      {value("x", 1, {0, 2})},
                      {value("y", 1, {0, 2})}});
}
}  // namespace penstock::testing

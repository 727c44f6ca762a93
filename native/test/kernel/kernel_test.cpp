// Claims about casts, checks, routes, layouts and histograms: small pure pieces.
#include "kernel/cast.hpp"
#include "plan/check_program.hpp"
#include "plan/sticky_hash.hpp"
#include "test/engine_fixture.hpp"
#include "test/testing.hpp"

#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <string>

using namespace penstock;
using namespace penstock::testing;

namespace {
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

template <typename Target, typename Source>
Target cast_one(Source value, Dtype target, Dtype source) {
  std::byte out[8] = {};
  cast_elements(out, target, reinterpret_cast<const std::byte*>(&value), source, 1);
  Target result;
  std::memcpy(&result, out, sizeof(Target));
  return result;
}

bool fails(std::vector<CheckProgram::Instruction> code, std::vector<double> constants, std::vector<float> row = {}) {
  CheckProgram program{std::move(code), std::move(constants)};
  CLAIM(program.validate(1).empty());
  const RowsView view{reinterpret_cast<const std::byte*>(row.data()), row.size() * sizeof(float), Dtype::kFloat32};
  return program.run(std::span(&view, 1), 1) == 1;
}
}  // namespace

TEST("cast: every half survives the way through float, and floats round to the nearest even half") {
  for (uint32_t bits = 0; bits <= 0xffff; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    const float wide = half_to_float(half);
    if (std::isnan(wide))
      CLAIM(std::isnan(half_to_float(float_to_half(wide))));
    else
      CLAIM(float_to_half(wide) == half);
    const float brain = bfloat16_to_float(half);
    if (std::isnan(brain))
      CLAIM(std::isnan(bfloat16_to_float(float_to_bfloat16(brain))));
    else
      CLAIM(float_to_bfloat16(brain) == half);
  }
  CLAIM(float_to_half(65519.0f) == 0x7bff && float_to_half(65520.0f) == 0x7c00);
  CLAIM(float_to_half(1.0f + 0x1.0p-11f) == 0x3c00 && float_to_half(1.0f + 0x1.8p-10f) == 0x3c02);
  CLAIM(float_to_half(0x1.0p-25f) == 0 && float_to_half(0x1.8p-25f) == 1);
}

TEST("cast: widening is exact, floats saturate into integers, NaN becomes 0") {
  CLAIM(cast_one<double>(1.5f, Dtype::kFloat64, Dtype::kFloat32) == 1.5);
  CLAIM(cast_one<int64_t>(int32_t{-7}, Dtype::kInt64, Dtype::kInt32) == -7);
  CLAIM(cast_one<uint8_t>(300.0f, Dtype::kUint8, Dtype::kFloat32) == 255);
  CLAIM(cast_one<int8_t>(-300.0f, Dtype::kInt8, Dtype::kFloat32) == -128);
  CLAIM(cast_one<int64_t>(1e300, Dtype::kInt64, Dtype::kFloat64) == std::numeric_limits<int64_t>::max());
  CLAIM(cast_one<int32_t>(std::numeric_limits<float>::quiet_NaN(), Dtype::kInt32, Dtype::kFloat32) == 0);
  CLAIM(cast_one<float>(uint8_t{2}, Dtype::kFloat32, Dtype::kBool) == 1.0f);
  CLAIM(cast_one<uint8_t>(0.25f, Dtype::kBool, Dtype::kFloat32) == 1);
}

TEST("check: the stack machine computes what the expression says, and NaN compares false") {
  using enum Opcode;
  // out[1] > 0.5
  CLAIM(fails({{kLoad, 0, 1}, {kConstant, 0, 0}, {kGreater, 0, 0}}, {0.5}, {0.0f, 0.75f}));
  CLAIM(!fails({{kLoad, 0, 1}, {kConstant, 0, 0}, {kGreater, 0, 0}}, {0.5}, {0.0f, 0.25f}));
  CLAIM(!fails({{kLoad, 0, 7}, {kConstant, 0, 0}, {kGreater, 0, 0}}, {0.5}, {1.0f}));  // beyond the row: NaN
  CLAIM(fails({{kSum, 0, 0}, {kConstant, 0, 0}, {kEqual, 0, 0}}, {6}, {1, 2, 3}));
  CLAIM(fails({{kArgmax, 0, 0}, {kConstant, 0, 0}, {kEqual, 0, 0}}, {2}, {1, 2, 9, 9}));
  CLAIM(!fails({{kConstant, 0, 0}}, {kNan}));
  CLAIM(fails({{kConstant, 0, 0}, {kNot, 0, 0}}, {kNan}));
  CLAIM(fails({{kConstant, 0, 0}, {kConstant, 1, 0}, {kConstant, 2, 0}, {kSelect, 0, 0}}, {0, 0, 5}));
}

TEST("check: a reduction reads its window, as far as the row has it, and the next one the whole row again") {
  using enum Opcode;
  const auto equals = [](double value, std::vector<CheckProgram::Instruction> code, std::vector<float> row) {
    code.insert(code.end(), {{kConstant, 0, 0}, {kEqual, 0, 0}});
    return fails(code, {value}, std::move(row));
  };
  CLAIM(equals(5, {{kWindow, 1, 3}, {kSum, 0, 0}}, {1, 2, 3, 4}));
  CLAIM(equals(7, {{kWindow, 2, -1}, {kSum, 0, 0}}, {1, 2, 3, 4}));
  CLAIM(equals(4, {{kWindow, 3, 9}, {kSum, 0, 0}}, {1, 2, 3, 4}));
  CLAIM(equals(0, {{kWindow, 7, 9}, {kLength, 0, 0}}, {1, 2}));
  CLAIM(equals(1, {{kWindow, 2, -1}, {kArgmax, 0, 0}}, {9, 9, 3, 4}));
  CLAIM(equals(3, {{kMagnitudes, 0, 0}, {kMaximum, 0, 0}}, {1, -3, 2}));
  CLAIM(equals(3, {{kWindow, 1, 3}, {kMagnitudes, 0, 0}, {kSum, 0, 0}}, {-5, -2, 1, -5}));
  CLAIM(equals(0, {{kWindow, 0, 1}, {kMagnitudes, 0, 0}, {kSum, 0, 0}, {kSum, 0, 0}, {kAdd, 0, 0}}, {-2, 0}));
}

TEST("check: a block of rows is judged row by row") {
  using enum Opcode;
  std::vector<double> rows;
  uint32_t expected = 0;
  for (uint32_t r = 0; r < CheckProgram::kBlockRows; ++r) {
    rows.push_back(r * 7 % 11);
    rows.push_back(r % 5 == 0 ? kNan : r);
    if (r * 7 % 11 > 5 && r % 5 != 0) expected |= 1u << r;
  }
  const RowsView view{reinterpret_cast<const std::byte*>(rows.data()), 16, Dtype::kFloat64};
  const CheckProgram program{{{kLoad, 0, 0},
                              {kConstant, 0, 0},
                              {kGreater, 0, 0},
                              {kMaximum, 0, 0},
                              {kIsNan, 0, 0},
                              {kNot, 0, 0},
                              {kAnd, 0, 0}},
                             {5}};
  CLAIM(program.validate(1).empty());
  for (const uint32_t count : {1u, 7u, CheckProgram::kBlockRows}) {
    const uint32_t mask = count == 32 ? ~0u : (1u << count) - 1;
    CLAIM(program.run(std::span(&view, 1), count) == (expected & mask));
  }
}

TEST("check: a program that could leave its stack or tables is refused before it runs") {
  using enum Opcode;
  CLAIM(!(CheckProgram{{}, {}}.validate(1).empty()));
  CLAIM(!(CheckProgram{{{kAdd, 0, 0}}, {}}.validate(1).empty()));
  CLAIM(!(CheckProgram{{{kConstant, 1, 0}}, {1}}.validate(1).empty()));
  CLAIM(!(CheckProgram{{{kLoad, 1, 0}}, {}}.validate(1).empty()));
  CLAIM(!(CheckProgram{{{kConstant, 0, 0}, {kConstant, 0, 0}}, {1}}.validate(1).empty()));
  CLAIM(!(CheckProgram{{{static_cast<Opcode>(99), 0, 0}}, {}}.validate(1).empty()));
  CLAIM(!(CheckProgram{{{kWindow, 0, 1}}, {}}.validate(1).empty()));
  CLAIM(!(CheckProgram{{{kWindow, 0, 1}, {kLoad, 0, 0}}, {}}.validate(1).empty()));
  CLAIM(!(CheckProgram{{{kMagnitudes, 0, 0}, {kWindow, 0, 1}, {kSum, 0, 0}}, {}}.validate(1).empty()));
  CLAIM(!(CheckProgram{{{kWindow, 2, 1}, {kSum, 0, 0}}, {}}.validate(1).empty()));
  CLAIM(!(CheckProgram{{{kWindow, -1, -1}, {kSum, 0, 0}}, {}}.validate(1).empty()));
  CLAIM(!(CheckProgram{std::vector<CheckProgram::Instruction>(100, {kConstant, 0, 0}), {1}}.validate(1).empty()));
}

TEST("route: a seed replays, weights are met, one option takes all") {
  Split split;
  split.cumulative = {2.0 / 3.0, 1.0};
  split.seed = 42;
  std::vector<uint16_t> first(30000), second(30000);
  Failure failure;
  CLAIM(route_rows(split, 0, 30000, MetaView{}, first.data(), failure));
  Split again;
  again.cumulative = split.cumulative;
  again.seed = 42;
  for (uint32_t i = 0; i < 30000; i += 100) CLAIM(route_rows(again, 0, 100, MetaView{}, second.data() + i, failure));
  CLAIM(first == second);
  double count = 0;
  for (const uint16_t option : first) count += option;
  CLAIM(std::fabs(count / 30000 - 1.0 / 3.0) < 0.015);
  Split keyed;
  keyed.is_random = false;
  keyed.key = "colour";
  keyed.keys = {"red"};
  CLAIM(route_rows(keyed, 0, 3, MetaView{}, first.data(), failure) && first[0] == 0 && first[2] == 0);
  keyed.is_required = true;
  CLAIM(!route_rows(keyed, 0, 3, MetaView{}, first.data(), failure) && failure.code == StatusCode::kMeta);
}

// Part of the interface: sessions depend on these numbers (docs/reference/steps.md).
TEST("sticky_fraction: known answers, seeds, and an even deal") {
  CLAIM(sticky_fraction(0, "a") == 0.14938097471438938);
  CLAIM(sticky_fraction(0, "session-1") == 0.2749445202547339);
  CLAIM(sticky_fraction(0, "na\u00efve \u2603") == 0.8070030512715028);
  CLAIM(sticky_fraction(1, "a") == 0.6095475751177519);
  CLAIM(sticky_fraction(UINT64_MAX, "a") == 0.5840811259321969);
  std::array<uint32_t, 10> dealt{};
  for (uint32_t i = 0; i < 100000; ++i) ++dealt[static_cast<size_t>(sticky_fraction(0, std::to_string(i)) * 10)];
  for (const uint32_t count : dealt) CLAIM(count > 9600 && count < 10400);
}

TEST("layout: tensors are aligned, disjoint and inside the block; sizes that wrap are refused") {
  const std::vector<Field> inputs{{Dtype::kFloat32, {29}}, {Dtype::kInt64, {-1, 3}}};
  const std::vector<Field> outputs{{Dtype::kBool, {1}}, {Dtype::kFloat32, {-1}}};
  const int64_t free_dims[] = {5};
  const auto layout = make_layout(inputs, outputs, free_dims, {7, 1 << 20});
  CLAIM(layout.has_value() && layout->rows_max == 7);
  CLAIM(layout->inputs[1].row_bytes == 5 * 3 * 8 && layout->outputs[1].offset_bytes == TensorLayout::kUnknown);
  size_t end = 0;
  for (const TensorLayout* tensor : {&layout->inputs[0], &layout->inputs[1], &layout->outputs[0]}) {
    CLAIM(tensor->offset_bytes % kAlignmentBytes == 0 && tensor->offset_bytes >= end);
    end = tensor->offset_bytes + tensor->row_bytes * 7;
  }
  CLAIM(end <= layout->block_bytes);
  const std::vector<Field> copied{{Dtype::kBool, {1}, true}, {Dtype::kFloat32, {2}}};
  const auto apart = make_layout(inputs, copied, free_dims, {7, 1 << 20});
  CLAIM(apart->outputs[0].offset_bytes == TensorLayout::kUnknown && apart->outputs[0].row_bytes == 0);
  CLAIM(apart->outputs[1].offset_bytes != TensorLayout::kUnknown);
  const int64_t huge[] = {INT64_MAX / 4};
  const int64_t zero[] = {0};
  CLAIM(!make_layout(inputs, outputs, huge, {7, 1 << 20}));
  const auto empty = make_layout(inputs, outputs, zero, {7, 1 << 20});
  CLAIM(empty.has_value() && empty->inputs[1].row_bytes == 0 && empty->rows_max == 7);
  CLAIM(make_layout(inputs, outputs, free_dims, {1000, 4096})->rows_max < 20);
  CLAIM(make_layout(inputs, outputs, free_dims, {1000, 1 << 20, 1})->rows_max == 1);  // a row is always let in
}

int main() {
  return run_all();
}

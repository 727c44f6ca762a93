// Claims about transform programs: a row's bits depend on no block and on no other row, failures name their rows, a run
// like an earlier one allocates nothing, and no spec makes a program that leaves its memory. The seed is printed;
// PENSTOCK_TEST_SEED repeats a run.
#include "transform/run.hpp"

#include <new>

#include "test/kernel_fixture.hpp"
#include "transform/murmur3.hpp"

using namespace penstock;
using namespace penstock::testing;
using namespace penstock::transform;

namespace {
size_t allocations = 0;
}  // namespace
[[gnu::noinline]] void* operator new(size_t bytes) {
  ++allocations;
  void* const memory = std::malloc(bytes == 0 ? 1 : bytes);
  if (memory == nullptr) std::abort();
  return memory;
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept {
  std::free(memory);
}

namespace {
constexpr uint32_t kRowCounts[] = {0, 1, 2, 7, 8, 9, 63, 64, 65, 129, 1023, 1025, 2500};

ValueType real(uint32_t width = 1, Dtype dtype = Dtype::kFloat32) {
  return {dtype, false, width};
}

Instruction make(TransformOpcode opcode, std::vector<ValueIndex> inputs, std::vector<ValueIndex> outputs,
                 std::vector<double> numbers = {}, std::vector<int64_t> integers = {}) {
  Instruction instruction;
  instruction.opcode = opcode;
  instruction.op = static_cast<uint16_t>(outputs.empty() ? 0 : outputs[0]);
  instruction.column = instruction.op;
  instruction.inputs = std::move(inputs);
  instruction.outputs = std::move(outputs);
  instruction.numbers = std::move(numbers);
  instruction.integers = std::move(integers);
  return instruction;
}

std::shared_ptr<const TransformProgram> built(ProgramSpec spec, uint32_t block_rows = 0) {
  spec.block_rows = block_rows;
  std::string fault;
  auto program = TransformProgram::build(std::move(spec), fault);
  if (program == nullptr) std::printf("  fault: %s\n", fault.c_str());
  return program;
}

// Memory of a column of a type, with awkward values, some of them missing.
class OwnColumn {
 public:
  OwnColumn(const ValueType& type, uint32_t rows) : type_(type) {
    const size_t elements = size_t{rows} * type.width;
    offsets_.assign(elements + 1, 0);
    if (type.is_text()) {
      constexpr const char* kTexts[] = {"red", "white", "", "gr\xc3\xbcn", "12", "1e5", "a text that is not short"};
      for (size_t e = 0; e < elements; ++e) {
        const std::string_view text = kTexts[below(std::size(kTexts))];
        for (const char character : text) bytes_.push_back(static_cast<std::byte>(character));
        offsets_[e + 1] = static_cast<int32_t>(bytes_.size());
      }
    } else {
      bytes_.resize(elements * type.element_bytes());
      for (size_t e = 0; e < elements; ++e) set(e);
    }
    if (type.is_nullable)
      for (uint32_t r = 0; r < (rows + 7) / 8; ++r) validity_.push_back(static_cast<uint8_t>(below(256)));
  }

  Column column() const {
    return {bytes_.data(), type_.is_nullable ? validity_.data() : nullptr, type_.is_text() ? offsets_.data() : nullptr};
  }

 private:
  void set(size_t element) {
    const size_t bytes = type_.element_bytes();
    if (type_.dtype == Dtype::kBool) {
      bytes_[element] = static_cast<std::byte>(below(2));
      return;
    }
    if (is_float(type_.dtype)) {
      const float value = awkward();
      cast_elements(bytes_.data() + element * bytes, type_.dtype, reinterpret_cast<const std::byte*>(&value),
                    Dtype::kFloat32, 1);
      return;
    }
    const int64_t value = static_cast<int64_t>(below(40)) - (below(3) == 0 ? 300 : 10);
    std::memcpy(bytes_.data() + element * bytes, &value, bytes);
  }

  ValueType type_;
  std::vector<std::byte> bytes_;
  std::vector<int32_t> offsets_;
  std::vector<uint8_t> validity_;
};

std::vector<OwnColumn> own_columns(const TransformProgram& program, uint32_t rows) {
  std::vector<OwnColumn> columns;
  for (size_t i = 0; i < program.input_count(); ++i) columns.emplace_back(program.values()[i], rows);
  return columns;
}
std::vector<Column> lent(const std::vector<OwnColumn>& own) {
  std::vector<Column> columns;
  for (const OwnColumn& column : own) columns.push_back(column.column());
  return columns;
}

bool is_valid(const Column& column, size_t row) {
  return column.validity == nullptr || ((column.validity[row / 8] >> (row % 8)) & 1) != 0;
}
// Row `a` of one result and row `b` of another: the same bits, NaN aside, the same texts, the same missing values.
bool is_same_row(const ValueType& type, const Column& one, size_t a, const Column& other, size_t b) {
  if (is_valid(one, a) != is_valid(other, b)) return false;
  for (size_t e = 0; e < type.width; ++e) {
    const size_t x = a * type.width + e, y = b * type.width + e, bytes = type.element_bytes();
    if (type.is_text()) {
      const auto text = [](const Column& column, size_t i) {
        return std::string_view(reinterpret_cast<const char*>(column.data) + column.offsets[i],
                                static_cast<size_t>(column.offsets[i + 1] - column.offsets[i]));
      };
      if (text(one, x) != text(other, y)) return false;
      continue;
    }
    if (std::memcmp(one.data + x * bytes, other.data + y * bytes, bytes) == 0) continue;
    const bool are_nan = is_float(type.dtype) && std::isnan(load_as_double(one.data + x * bytes, type.dtype)) &&
                         std::isnan(load_as_double(other.data + y * bytes, type.dtype));
    if (!are_nan) return false;
  }
  return true;
}
bool has_failed(const TransformScratch& scratch, size_t row) {
  return scratch.failed_rows() != nullptr && ((scratch.failed_rows()[row / 8] >> (row % 8)) & 1) != 0;
}

bool is_same_result(const TransformProgram& program, uint32_t rows, const TransformScratch& one,
                    const TransformScratch& other) {
  if (one.error_count() != other.error_count()) return false;
  for (size_t i = 0; i < program.outputs().size(); ++i)
    for (uint32_t r = 0; r < rows; ++r)
      if (!is_same_row(program.output_type(i), one.outputs()[i], r, other.outputs()[i], r)) return false;
  for (uint32_t r = 0; r < rows; ++r)
    if (has_failed(one, r) != has_failed(other, r)) return false;
  return true;
}

// A chain of random maps over columns of both floats, joined in the end.
ProgramSpec random_maps() {
  ProgramSpec spec;
  spec.input_count = 1 + below(5);
  std::vector<ValueIndex> current;
  for (size_t i = 0; i < spec.input_count; ++i) {
    spec.values.push_back(real(static_cast<uint32_t>(1 + below(3)), below(2) == 0 ? Dtype::kFloat32 : Dtype::kFloat64));
    current.push_back(static_cast<ValueIndex>(i));
  }
  constexpr TransformOpcode kMaps[] = {
      TransformOpcode::kImputeFloats, TransformOpcode::kNormalise, TransformOpcode::kScale,
      TransformOpcode::kClip,         TransformOpcode::kLog1p,     TransformOpcode::kSigmoid,
      TransformOpcode::kRound,        TransformOpcode::kThreshold, TransformOpcode::kL2Normalise};
  for (size_t step = 0; step < 3 + below(20); ++step) {
    ValueIndex& column = current[below(current.size())];
    const ValueType type = spec.values[column];
    const TransformOpcode opcode = kMaps[below(std::size(kMaps))];
    const auto value = static_cast<ValueIndex>(spec.values.size());
    std::vector<double> numbers;
    const size_t pairs = opcode == TransformOpcode::kImputeFloats ? 1 : 2;
    for (size_t i = 0; i < pairs * type.width; ++i) numbers.push_back(static_cast<double>(tame()));
    if (opcode == TransformOpcode::kClip)
      for (size_t e = 0; e < type.width; ++e) numbers[type.width + e] = numbers[e] + 3.0;
    if (opcode == TransformOpcode::kRound) numbers = {100.0};
    if (opcode == TransformOpcode::kThreshold) numbers = {0.25};
    spec.values.push_back(type);
    spec.instructions.push_back(make(opcode, {column}, {value}, numbers, {below(2) == 0 ? 0 : 1}));
    column = value;
  }
  uint32_t width = 0;
  std::vector<ValueIndex> parts;
  for (const ValueIndex column : current) {
    const ValueType type{Dtype::kFloat32, false, spec.values[column].width};
    parts.push_back(static_cast<ValueIndex>(spec.values.size()));
    spec.values.push_back(type);
    spec.instructions.push_back(make(TransformOpcode::kCast, {column}, {parts.back()}));
    width += type.width;
  }
  const auto joined = static_cast<ValueIndex>(spec.values.size());
  spec.values.push_back(real(width));
  spec.instructions.push_back(make(TransformOpcode::kConcat, parts, {joined}));
  spec.outputs = {joined, current[0]};
  return spec;
}

// What a wine row needs, texts and missing values among it: outputs of every kind, rows that fail.
ProgramSpec wine() {
  ProgramSpec spec;
  spec.values = {{Dtype::kString, true, 1},  // 0 type
                 real(1, Dtype::kFloat64),   // 1 acidity
                 {Dtype::kInt64, true, 1},   // 2 age
                 {Dtype::kInt32, false, 1},  // 3 code of type
                 real(3),                    // 4 indicators
                 real(1, Dtype::kFloat64),   // 5 acidity, imputed
                 {Dtype::kInt64, false, 1},  // 6 age, imputed
                 {Dtype::kUint8, false, 1},  // 7 age as uint8: some do not fit
                 real(1, Dtype::kFloat32),   // 8 age as float32
                 real(1, Dtype::kFloat32),   // 9 acidity as float32
                 real(5),                    // 10 features
                 {Dtype::kString, true, 1},  // 11 label of type
                 real(1, Dtype::kFloat64),   // 12 type as a number: most are none
                 {Dtype::kInt64, true, 1},   // 13 hash of type
                 {Dtype::kInt64, true, 1}};  // 14 age, clipped
  spec.input_count = 3;
  Instruction lookup = make(TransformOpcode::kLookup, {0}, {3}, {}, {-1, -1});
  lookup.keys = KeyTable(std::vector<std::string>{"red", "white", "gr\xc3\xbcn"});
  Instruction one_hot = make(TransformOpcode::kOneHot, {3}, {4});
  const int32_t codes[] = {0, 1, 2};
  one_hot.table.assign(reinterpret_cast<const std::byte*>(codes), reinterpret_cast<const std::byte*>(codes + 3));
  Instruction impute = make(TransformOpcode::kImputeValues, {2}, {6});
  const int64_t age = 4;
  impute.table.assign(reinterpret_cast<const std::byte*>(&age), reinterpret_cast<const std::byte*>(&age + 1));
  Instruction label = make(TransformOpcode::kGather, {3}, {11});
  label.texts = {"rouge", "blanc", "a label that is longer than others"};
  spec.instructions = {lookup,
                       one_hot,
                       make(TransformOpcode::kImputeFloats, {1}, {5}, {7.5}),
                       impute,
                       make(TransformOpcode::kCast, {6}, {7}),
                       make(TransformOpcode::kCast, {7}, {8}),
                       make(TransformOpcode::kCast, {5}, {9}),
                       make(TransformOpcode::kConcat, {4, 8, 9}, {10}),
                       label,
                       make(TransformOpcode::kCast, {0}, {12}),
                       make(TransformOpcode::kHash, {0}, {13}, {}, {3, 1000}),
                       make(TransformOpcode::kClip, {2}, {14}, {}, {-5, 20})};
  spec.outputs = {10, 11, 12, 13, 14, 2};
  return spec;
}

// Scores and images: what moves and sums elements of a row.
ProgramSpec tensors() {
  ProgramSpec spec;
  spec.values = {real(7),                      // 0 scores
                 real(2 * 3 * 4),              // 1 images, height 2, width 3, channels 4
                 real(7),                      // 2 softmax
                 {Dtype::kInt32, false, 1},    // 3
                 real(3),                      // 4 the three best
                 {Dtype::kInt32, false, 3},    // 5
                 real(2 * 3 * 4),              // 6 channels first
                 real(2 * 3 * 4),              // 7 all axes turned
                 real(5 * 4 * 4),              // 8 resized
                 real(4 * 3 * 4),              // 9 padded and cropped
                 real(4),                      // 10 pooled
                 real(2),                      // 11 cut
                 {Dtype::kInt64, false, 6},    // 12 mask
                 real(4)};                     // 13 pooled by it
  std::swap(spec.values[2], spec.values[12]);  // the mask is an input
  spec.input_count = 3;
  Instruction window = make(TransformOpcode::kWindow, {1}, {9}, {}, {2, 3, 4, -1, 1, 0, 4, 3, 4});
  const float fill = -7.0f;
  window.table.assign(reinterpret_cast<const std::byte*>(&fill), reinterpret_cast<const std::byte*>(&fill + 1));
  spec.instructions = {make(TransformOpcode::kSoftmax, {0}, {12}),
                       make(TransformOpcode::kArgMax, {0}, {3}),
                       make(TransformOpcode::kTopK, {0}, {4, 5}),
                       make(TransformOpcode::kTranspose, {1}, {6}, {}, {2, 3, 4, 2, 0, 1}),
                       make(TransformOpcode::kTranspose, {1}, {7}, {}, {2, 3, 4, 2, 1, 0}),
                       make(TransformOpcode::kResize, {1}, {8}, {}, {1, 2, 3, 4, 5, 4, 1}),
                       window,
                       make(TransformOpcode::kMeanPool, {1}, {10}, {}, {6}),
                       make(TransformOpcode::kSlice, {0}, {11}, {}, {3}),
                       make(TransformOpcode::kMeanPool, {1, 2}, {13}, {}, {6})};
  spec.outputs = {12, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13};
  return spec;
}

void blocks_agree(const ProgramSpec& spec) {
  for (const uint32_t rows : kRowCounts) {
    const auto fused = built(spec);
    CLAIM(fused != nullptr);
    if (fused == nullptr) return;
    const auto own = own_columns(*fused, rows);
    const auto columns = lent(own);
    TransformScratch expected;
    CLAIM(run(*fused, columns, rows, expected) == RunStatus::kDone);
    // One operation after the other over all rows, then odd blocks.
    for (const uint32_t block_rows : {rows + 1, 1u, 3u, 8u, 61u}) {
      TransformScratch scratch;
      const auto other = built(spec, block_rows);
      CLAIM(run(*other, columns, rows, scratch) == RunStatus::kDone);
      CLAIM(is_same_result(*fused, rows, expected, scratch));
    }
  }
}
}  // namespace

TEST("transform: random chains of maps give the same bits in any block, fused or one after the other") {
  for (int trial = 0; trial < 30; ++trial) blocks_agree(random_maps());
}

TEST("transform: texts, missing values, failures, scores and images too") {
  blocks_agree(wine());
  blocks_agree(tensors());
}

TEST("transform: a row alone has the bits that it has among others, in targets of the caller too") {
  for (const ProgramSpec& spec : {wine(), tensors(), random_maps()}) {
    const auto program = built(spec);
    constexpr uint32_t kRows = 77;
    const auto own = own_columns(*program, kRows);
    const auto columns = lent(own);
    TransformScratch all, one;
    CLAIM(run(*program, columns, kRows, all) == RunStatus::kDone);
    for (uint32_t r = 0; r < kRows; ++r) {
      std::vector<Column> row = columns;
      std::vector<uint8_t> bits(row.size());
      for (size_t i = 0; i < row.size(); ++i) {
        const ValueType& type = program->values()[i];
        bits[i] = is_valid(row[i], r) ? 1 : 0;
        if (row[i].validity != nullptr) row[i].validity = &bits[i];
        if (type.is_text())
          row[i].offsets += r * type.width;
        else
          row[i].data += r * type.row_bytes();
      }
      std::vector<std::vector<std::byte>> memory(program->outputs().size());
      std::vector<std::byte*> targets;
      for (size_t i = 0; i < memory.size(); ++i) {
        memory[i].resize(program->output_type(i).is_text() ? 0 : program->output_type(i).row_bytes());
        targets.push_back(memory[i].empty() || below(2) == 0 ? nullptr : memory[i].data());
      }
      CLAIM(run(*program, row, 1, one, targets) == RunStatus::kDone);
      CLAIM(has_failed(all, r) == has_failed(one, 0));
      for (size_t i = 0; i < memory.size(); ++i) {
        CLAIM(is_same_row(program->output_type(i), all.outputs()[i], r, one.outputs()[i], 0));
        if (targets[i] != nullptr) CLAIM(one.outputs()[i].data == targets[i]);
      }
    }
  }
}

TEST("transform: a run like an earlier one allocates nothing") {
  for (const ProgramSpec& spec : {wine(), tensors(), random_maps()}) {
    const auto program = built(spec);
    const auto own = own_columns(*program, 3000);
    const auto columns = lent(own);
    TransformScratch scratch;
    const size_t at_first = allocations;
    CLAIM(run(*program, columns, 3000, scratch) == RunStatus::kDone);
    const size_t before = allocations;
    CLAIM(before > at_first);
    for (const uint32_t rows : {3000u, 1u, 0u, 2999u, 17u})
      CLAIM(run(*program, columns, rows, scratch) == RunStatus::kDone);
    CLAIM(allocations == before);
  }
}

TEST("transform: failures tell row, operation, column and value, by row, and leave other rows alone") {
  const auto program = built(wine(), 2);
  const char kBytes[] = "redblue12";
  const int32_t offsets[] = {0, 3, 7, 9, 9};
  const double acidity[] = {1.0, 2.0, std::nan(""), 4.0};
  const int64_t age[] = {300, 5, 0, -1};
  const uint8_t types = 0b0111, ages = 0b1011;
  const Column columns[] = {{reinterpret_cast<const std::byte*>(kBytes), &types, offsets},
                            {reinterpret_cast<const std::byte*>(acidity), nullptr, nullptr},
                            {reinterpret_cast<const std::byte*>(age), &ages, nullptr}};
  TransformScratch scratch;
  CLAIM(run(*program, columns, 4, scratch) == RunStatus::kDone);
  const auto errors = scratch.errors();
  CLAIM(scratch.error_count() == 4 && errors.size() == 4);
  // 300 and -1 are no uint8; "red" and "blue" are no numbers.
  CLAIM(errors[0].row == 0 && errors[0].op == 7 && errors[0].kind == RowErrorKind::kOutOfRange);
  CLAIM(errors[0].value.kind == FailedValue::Kind::kInteger && errors[0].value.integer == 300);
  CLAIM(errors[1].row == 0 && errors[1].op == 12 && errors[1].kind == RowErrorKind::kNotNumber);
  CLAIM(errors[2].row == 1 && errors[2].value.kind == FailedValue::Kind::kText &&
        errors[2].value.text.view() == "blue");
  CLAIM(errors[3].row == 3 && errors[3].value.integer == -1);
  CLAIM(scratch.failed_rows() != nullptr && scratch.failed_rows()[0] == 0b1011);
  const auto* const features = reinterpret_cast<const float*>(scratch.outputs()[0].data);
  const float expected[] = {0.0f, 0.0f, 0.0f, 4.0f, 7.5f};
  CLAIM(std::memcmp(features + 10, expected, sizeof(expected)) == 0);
  const auto* const numbers = reinterpret_cast<const double*>(scratch.outputs()[2].data);
  CLAIM(numbers[2] == 12.0 && std::isnan(numbers[3]));
  const Column& labels = scratch.outputs()[1];
  CLAIM(labels.validity[0] == 0b0001 && labels.offsets[4] == 5);
}

TEST("transform: all failures are counted, the first are listed") {
  ProgramSpec spec;
  spec.values = {real(), {Dtype::kInt32, false, 1}};
  spec.input_count = 1;
  spec.instructions = {make(TransformOpcode::kCast, {0}, {1})};
  spec.outputs = {1};
  const auto program = built(spec);
  const std::vector<float> source(5000, std::nanf(""));
  const Column column{reinterpret_cast<const std::byte*>(source.data()), nullptr, nullptr};
  TransformScratch scratch;
  CLAIM(run(*program, {&column, 1}, 5000, scratch) == RunStatus::kDone);
  CLAIM(scratch.error_count() == 5000 && scratch.errors().size() == kTransformRowErrorsMax);
  CLAIM(scratch.errors()[1023].row == 1023);
}

TEST("transform: what is no program is refused") {
  const auto fault_of = [](const auto& change) {
    ProgramSpec spec = wine();
    change(spec);
    std::string fault;
    const auto program = TransformProgram::build(std::move(spec), fault);
    CLAIM((program == nullptr) == !fault.empty());
    return fault;
  };
  CLAIM(fault_of([](ProgramSpec&) {}).empty());
  CLAIM(fault_of([](ProgramSpec& spec) { spec.outputs.push_back(99); }) == "an output that nothing writes");
  CLAIM(fault_of([](ProgramSpec& spec) { spec.outputs.push_back(10); }) == "a value that is two outputs");
  CLAIM(fault_of([](ProgramSpec& spec) { spec.values[1].is_nullable = true; }) == "a float with validity");
  CLAIM(fault_of([](ProgramSpec& spec) { spec.values[0].width = 2; }) == "a value of no sound type");
  CLAIM(!fault_of([](ProgramSpec& spec) { spec.values[10].width = 6; }).empty());
  CLAIM(!fault_of([](ProgramSpec& spec) { spec.instructions[1].table.pop_back(); }).empty());
  CLAIM(!fault_of([](ProgramSpec& spec) { spec.instructions[2].numbers.clear(); }).empty());
  CLAIM(!fault_of([](ProgramSpec& spec) { spec.instructions[0].inputs[0] = 9; }).empty());
  CLAIM(!fault_of([](ProgramSpec& spec) { spec.instructions[0].outputs[0] = 0; }).empty());
  CLAIM(!fault_of([](ProgramSpec& spec) { spec.instructions[0].opcode = static_cast<TransformOpcode>(0); }).empty());
  CLAIM(!fault_of([](ProgramSpec& spec) { std::swap(spec.instructions[0], spec.instructions[1]); }).empty());
}

TEST("transform: specs that are changed at random are refused, or run inside their memory") {
  size_t accepted = 0;
  for (int trial = 0; trial < 20000; ++trial) {
    ProgramSpec spec = trial % 3 == 0 ? wine() : trial % 3 == 1 ? tensors() : random_maps();
    for (size_t change = 0; change < 1 + below(3); ++change) {
      Instruction& instruction = spec.instructions[below(spec.instructions.size())];
      constexpr int64_t kIntegers[] = {-1, 0, 1, 2, 3, 7, 24, 1000, INT64_MAX, INT64_MIN, UINT32_MAX};
      switch (below(7)) {
        case 0:
          instruction.opcode = static_cast<TransformOpcode>(below(28));
          break;
        case 1:
          if (!instruction.integers.empty())
            instruction.integers[below(instruction.integers.size())] = kIntegers[below(std::size(kIntegers))];
          break;
        case 2:
          instruction.integers.resize(below(10), 1);
          break;
        case 3:
          instruction.numbers.resize(below(20), 0.5);
          break;
        case 4:
          instruction.inputs[0] = static_cast<ValueIndex>(below(spec.values.size() + 1));
          break;
        case 5:
          spec.values[below(spec.values.size())].width = static_cast<uint32_t>(below(30));
          break;
        default:
          spec.values[below(spec.values.size())].dtype = static_cast<Dtype>(below(18));
      }
    }
    std::string fault;
    const auto program = TransformProgram::build(std::move(spec), fault);
    if (program == nullptr) continue;
    ++accepted;
    const auto own = own_columns(*program, 11);
    TransformScratch scratch;
    CLAIM(run(*program, lent(own), 11, scratch) != RunStatus::kNoMemory);
  }
  std::printf("  %zu of 20000 accepted\n", accepted);
  CLAIM(accepted > 100 && accepted < 19900);
}

TEST("transform: categories are found among few and many, -0 as 0, by the bytes of a text") {
  for (const size_t count : {0, 1, 8, 9, 100, 5000}) {
    std::vector<uint64_t> numbers;
    std::vector<std::string> texts;
    for (size_t i = 0; i < count; ++i) {
      numbers.push_back(KeyTable::bits_of(static_cast<double>(i) / 7.0));
      texts.push_back("text " + std::to_string(i));
    }
    const KeyTable by_number(numbers), by_text(texts);
    for (size_t i = 0; i < count; ++i) {
      CLAIM(by_number.find(KeyTable::bits_of(static_cast<double>(i) / 7.0)) == static_cast<int32_t>(i));
      CLAIM(by_text.find(texts[i]) == static_cast<int32_t>(i));
    }
    CLAIM(by_number.find(KeyTable::bits_of(-1.0)) == KeyTable::kNone && by_text.find("text") == KeyTable::kNone);
    CLAIM(by_number.find(KeyTable::bits_of(-0.0)) == (count == 0 ? KeyTable::kNone : 0));
  }
}

TEST("transform: MurmurHash3 is that of smhasher") {
  // The verification of smhasher: hashes of 256 keys with seeds that fall, hashed.
  std::string keys, hashes;
  for (uint32_t i = 0; i < 256; ++i) {
    const uint32_t hash = murmur3(keys, 256 - i);
    hashes.append(reinterpret_cast<const char*>(&hash), sizeof(hash));
    keys.push_back(static_cast<char>(i));
  }
  CLAIM(murmur3(hashes, 0) == 0xB0F57EE3u);
}

int main() {
  return penstock::testing::run_all();
}

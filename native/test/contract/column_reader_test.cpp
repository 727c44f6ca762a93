// Columns that came typed: lent where they are clean, narrowed by value, held to the rules that rows of JSON are held
// to.
#include <cmath>
#include <limits>

#include "test/contract/contract_fixture.hpp"

using namespace penstock;
using namespace penstock::testing;

namespace {
constexpr double kInfinity = std::numeric_limits<double>::infinity();

template <typename T>
GivenColumn given(Dtype dtype, const std::vector<T>& values, const std::vector<uint8_t>& validity = {}) {
  GivenColumn column;
  column.dtype = dtype;
  column.values = reinterpret_cast<const std::byte*>(values.data());
  column.validity = validity.empty() ? nullptr : validity.data();
  return column;
}

struct Texts {
  explicit Texts(const std::vector<std::string>& texts) {
    offsets.push_back(0);
    for (const std::string& text : texts) {
      bytes += text;
      offsets.push_back(static_cast<uint32_t>(bytes.size()));
    }
  }
  GivenColumn given(const std::vector<uint8_t>& validity = {}) const {
    GivenColumn column;
    column.dtype = Dtype::kString;
    column.values = reinterpret_cast<const std::byte*>(bytes.data());
    column.text_bytes = bytes.size();
    column.offsets = offsets.data();
    column.validity = validity.empty() ? nullptr : validity.data();
    return column;
  }
  std::string bytes;
  std::vector<uint32_t> offsets;
};

struct Columns {
  explicit Columns(std::vector<FieldOptions> fields) : reader(spec_of(std::move(fields)), SipKey{3, 4}) {}
  BodyFault read(const std::vector<GivenColumn>& columns, uint32_t rows, const ReadLimits& limits = {}) {
    return reader.read(columns, rows, limits).fault;
  }
  const RowTable& table() const { return reader.table(); }
  const Problem& first() const { return table().report().rejected().first.at(0); }
  bool breaks(const std::vector<GivenColumn>& columns, uint32_t rows, ContractRule rule, const char* text) {
    return read(columns, rows) == BodyFault::kNone && table().report().rejected().count == 1 && first().rule == rule &&
           first().text.view() == text;
  }
  ColumnReader reader;
};

FieldOptions with(FieldOptions options, OnInvalid on_invalid, Literal impute = {}) {
  options.on_invalid = on_invalid;
  options.impute = std::move(impute);
  return options;
}
}  // namespace

TEST("columns: a clean column is lent, one that is changed is copied and the caller's stays") {
  FieldOptions clamped = with(field("x", Dtype::kFloat32), OnInvalid::kClamp);
  clamped.max = {10.0, false};
  Columns columns({clamped, field("t", Dtype::kString)});
  const std::vector<float> values = {1, 2, 3};
  const Texts texts({"a", "", "bc"});
  CLAIM(columns.read({given(Dtype::kFloat32, values), texts.given()}, 3) == BodyFault::kNone);
  CLAIM(columns.table().column(0).values == reinterpret_cast<const std::byte*>(values.data()));
  CLAIM(columns.table().column(1).offsets == texts.offsets.data() && columns.table().column(1).text(2) == "bc");
  const std::vector<float> beyond = {1, 20, 3};
  CLAIM(columns.read({given(Dtype::kFloat32, beyond), texts.given()}, 3) == BodyFault::kNone && beyond[1] == 20);
  CLAIM(element<float>(columns.table(), 0, 1) == 10 && element<float>(columns.table(), 0, 2) == 3);
  CLAIM(columns.table().report().counts(0)[static_cast<size_t>(OnInvalid::kClamp)] == 1);
  // Lent and own in turn.
  CLAIM(columns.read({given(Dtype::kFloat32, values), texts.given()}, 3) == BodyFault::kNone &&
        columns.table().column(0).values == reinterpret_cast<const std::byte*>(values.data()));
}

TEST("columns: numbers of another dtype are narrowed by value") {
  Columns narrow({field("x", Dtype::kInt32)});
  CLAIM(narrow.read({given<int64_t>(Dtype::kInt64, {1, -2147483648})}, 2) == BodyFault::kNone);
  CLAIM(element<int32_t>(narrow.table(), 0, 1) == INT32_MIN && !narrow.table().is_rejected());
  CLAIM(narrow.breaks({given<int64_t>(Dtype::kInt64, {int64_t{1} << 40})}, 1, ContractRule::kRange, "1099511627776"));
  CLAIM(narrow.breaks({given<double>(Dtype::kFloat64, {7.0, 7.5})}, 2, ContractRule::kInteger, "7.5"));
  CLAIM(narrow.breaks({given<double>(Dtype::kFloat64, {7.0, kInfinity})}, 2, ContractRule::kRange, "null"));
  CLAIM(
      narrow.breaks({given<uint64_t>(Dtype::kUint64, {UINT64_MAX})}, 1, ContractRule::kRange, "18446744073709551615"));
  CLAIM(narrow.breaks({given<double>(Dtype::kFloat64, {NAN})}, 1, ContractRule::kNull, "null"));
  Columns wide({field("x", Dtype::kInt64)});
  CLAIM(wide.breaks({given<double>(Dtype::kFloat64, {9223372036854775808.0})}, 1, ContractRule::kRange,
                    "9223372036854776000"));
  CLAIM(wide.read({given<double>(Dtype::kFloat64, {-9223372036854775808.0})}, 1) == BodyFault::kNone &&
        element<int64_t>(wide.table(), 0, 0) == INT64_MIN);
  Columns unsigned_wide({field("x", Dtype::kUint64)});
  CLAIM(unsigned_wide.breaks({given<int8_t>(Dtype::kInt8, {-1})}, 1, ContractRule::kRange, "-1"));
  Columns floats({field("x", Dtype::kFloat32)});
  CLAIM(floats.read({given<double>(Dtype::kFloat64, {0.1, 1e-60})}, 2) == BodyFault::kNone);
  CLAIM(element<float>(floats.table(), 0, 0) == 0.1f && element<float>(floats.table(), 0, 1) == 0);
  CLAIM(floats.breaks({given<double>(Dtype::kFloat64, {-1e39})}, 1, ContractRule::kRange, "-1e+39"));
  CLAIM(floats.read({given<uint16_t>(Dtype::kFloat16, {0x3e00})}, 1) == BodyFault::kNone &&
        element<float>(floats.table(), 0, 0) == 1.5f);
  CLAIM(ColumnReader::accepts(floats.table().spec().fields()[0], Dtype::kUint8));
  for (const Dtype other : {Dtype::kBool, Dtype::kString, Dtype::kBfloat16})
    CLAIM(!ColumnReader::accepts(floats.table().spec().fields()[0], other));
}

TEST("columns: null and NaN are missing values, infinities beyond every range") {
  FieldOptions nullable = field("x", Dtype::kFloat32);
  nullable.is_nullable = true;
  FieldOptions count = field("i", Dtype::kInt16);
  count.is_nullable = true;
  Columns columns({nullable, count});
  const std::vector<float> values = {1, NAN, 3};
  CLAIM(columns.read({given(Dtype::kFloat32, values, {0b110}), given<int16_t>(Dtype::kInt16, {9, 8, 7}, {0b101})}, 3) ==
        BodyFault::kNone);
  const RowTable& table = columns.table();
  CLAIM(!table.is_rejected() && table.column(0).missing == 2 && table.column(1).missing == 1);
  CLAIM(std::isnan(element<float>(table, 0, 0)) && element<float>(table, 0, 2) == 3 && table.column(0).is_missing(1));
  CLAIM(element<int16_t>(table, 1, 1) == 0 && element<int16_t>(table, 1, 2) == 7);
  Columns strict({field("x", Dtype::kFloat32)});
  CLAIM(strict.breaks({given<float>(Dtype::kFloat32, {1, NAN})}, 2, ContractRule::kNull, "null") &&
        strict.first().row == 1);
  CLAIM(strict.breaks({given<float>(Dtype::kFloat32, {1, 2}, {0b10})}, 2, ContractRule::kNull, "null"));
  CLAIM(strict.breaks({given<float>(Dtype::kFloat32, {-std::numeric_limits<float>::infinity()})}, 1,
                      ContractRule::kRange, "null"));
  Columns imputed({with(field("x", Dtype::kFloat32), OnInvalid::kImpute, 5.0)});
  CLAIM(imputed.read({given<float>(Dtype::kFloat32, {NAN, 2})}, 2) == BodyFault::kNone &&
        element<float>(imputed.table(), 0, 0) == 5 && imputed.table().column(0).validity == nullptr);
}

TEST("columns: texts are UTF-8 without NUL, by sound offsets") {
  FieldOptions options = with(field("t", Dtype::kString), OnInvalid::kImpute, std::string("none"));
  options.max_length = 4;
  Columns columns({options});
  const Texts texts({"ok", "\xff", std::string("a\0b", 3), "longer", "", "\xc3\xa4"});
  CLAIM(columns.read({texts.given({0b101111})}, 6) == BodyFault::kNone);
  const char* const expected[] = {"ok", "none", "none", "none", "none", "\xc3\xa4"};
  for (size_t row = 0; row < 6; ++row) CLAIM(columns.table().column(0).text(row) == expected[row]);
  CLAIM(columns.table().report().counts(0)[static_cast<size_t>(OnInvalid::kImpute)] == 4);
  FieldOptions nullable = field("t", Dtype::kString);
  nullable.is_nullable = true;
  Columns lent({nullable});
  const std::vector<uint8_t> bits = {0b011111};
  CLAIM(lent.read({texts.given(bits)}, 6) == BodyFault::kNone && lent.table().report().rejected().count == 2);
  CLAIM(lent.table().report().rejected().first[0].rule == ContractRule::kEncoding &&
        lent.table().report().rejected().first[1].rule == ContractRule::kNul);
  for (const auto& broken : {std::vector<uint32_t>{1, 2, 3}, {0, 3, 2}, {0, 2, 4}, {0, UINT32_MAX, 3}}) {
    Texts wrong({"abc", ""});
    wrong.offsets = broken;
    CLAIM(lent.read({wrong.given()}, 2) == BodyFault::kOffsets && lent.table().rows() == 0);
  }
  CLAIM(lent.read({Texts({"a", "b"}).given({0b01})}, 2) == BodyFault::kNone && lent.table().column(0).missing == 1);
}

TEST("columns: one that is absent is missing in every row") {
  FieldOptions optional = field("x", Dtype::kInt32);
  optional.is_required = false;
  FieldOptions text = with(field("t", Dtype::kString), OnInvalid::kImpute, std::string("ab"));
  Columns columns({optional, text});
  const GivenColumn absent{.is_absent = true};
  CLAIM(columns.read({absent, absent}, 3) == BodyFault::kNone && !columns.table().is_rejected());
  CLAIM(columns.table().column(0).missing == 3 && columns.table().column(1).text(2) == "ab");
  Columns required({field("x", Dtype::kInt32)});
  CLAIM(required.read({absent}, 2) == BodyFault::kNone && required.table().report().rejected().count == 2 &&
        required.first().rule == ContractRule::kMissing);
}

TEST("columns: rows are dropped from lent columns, and bools are 0 or 1") {
  FieldOptions flag = with(field("b", Dtype::kBool), OnInvalid::kDrop);
  FieldOptions matrix = field("m", Dtype::kUint8);
  matrix.dims = {2};
  Columns columns({flag, matrix, field("t", Dtype::kString)});
  const std::vector<uint8_t> numbers = {1, 2, 3, 4, 5, 6};
  const Texts texts({"a", "b", "c"});
  CLAIM(columns.read({given<uint8_t>(Dtype::kBool, {1, 2, 0}), given(Dtype::kUint8, numbers), texts.given()}, 3) ==
        BodyFault::kNone);
  const RowTable& table = columns.table();
  CLAIM(table.rows() == 2 && table.dropped() == std::vector<uint32_t>{1} && numbers[2] == 3);
  CLAIM(element<uint8_t>(table, 1, 2) == 5 && table.column(2).text(1) == "c" && element<uint8_t>(table, 0, 1) == 0);
}

TEST("columns: limits hold, and no rows are no rows") {
  Columns columns({field("x", Dtype::kFloat32), field("t", Dtype::kString)});
  const std::vector<GivenColumn> two = {given<float>(Dtype::kFloat32, {1, 2}), Texts({"a", "b"}).given()};
  CLAIM(columns.read(two, 2, {.rows_max = 1}) == BodyFault::kTooManyRows);
  CLAIM(columns.read(two, 2, {.bytes_max = 1}) == BodyFault::kTooLarge);
  CLAIM(columns.read({given<float>(Dtype::kFloat32, {}), Texts({}).given()}, 0) == BodyFault::kNone &&
        columns.table().rows() == 0);
}

int main() {
  return penstock::testing::run_all();
}

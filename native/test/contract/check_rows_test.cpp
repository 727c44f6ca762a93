// Rules about values and what becomes of those that break them, a passing and a failing value each; specs that are
// wrong.
#include <cmath>

#include "test/contract/contract_fixture.hpp"

using namespace penstock;
using namespace penstock::testing;

namespace {
BoundOptions bound(Literal value, bool is_exclusive = false) {
  return {std::move(value), is_exclusive};
}

std::string rows_of(const std::vector<std::string>& values) {
  std::string text = "[";
  for (const std::string& value : values) text += (text.size() > 1 ? ",{\"x\":" : "{\"x\":") + value + "}";
  return text + "]";
}

FieldOptions bounded(Dtype dtype, Literal min, Literal max, OnInvalid on_invalid) {
  FieldOptions options = field("x", dtype);
  options.min = bound(std::move(min));
  options.max = bound(std::move(max));
  options.on_invalid = on_invalid;
  return options;
}

uint64_t count_of(const Reader& reader, OnInvalid outcome) {
  return reader.table().report().counts(0)[static_cast<size_t>(outcome)];
}
}  // namespace

TEST("checks: bounds of every dtype, inclusive and exclusive") {
  const struct {
    Dtype dtype;
    BoundOptions min, max;
    const char *low, *inside, *high;
    ContractRule low_rule, high_rule;
  } cases[] = {
      {Dtype::kFloat32, bound(0.1), bound(1.5), "0.09999", "0.1", "1.6", ContractRule::kMinimum,
       ContractRule::kMaximum},
      {Dtype::kFloat32, bound(0.0, true), bound(1.0, true), "0", "0.5", "1", ContractRule::kExclusiveMinimum,
       ContractRule::kExclusiveMaximum},
      // What rounds to the bound is the bound.
      {Dtype::kFloat32, bound(0.0), bound(1.0, true), "-1e-30", "0.9999", "0.999999999999", ContractRule::kMinimum,
       ContractRule::kExclusiveMaximum},
      {Dtype::kFloat64, bound(-1e300, true), bound(5e-324), "-1e300", "5e-324", "1e-323",
       ContractRule::kExclusiveMinimum, ContractRule::kMaximum},
      {Dtype::kFloat16, bound(0.0, true), bound(2.0, true), "0", "1.999", "2", ContractRule::kExclusiveMinimum,
       ContractRule::kExclusiveMaximum},
      {Dtype::kFloat16, bound(0.0), bound(65504.0), "-6e-8", "65504", "65520", ContractRule::kMinimum,
       ContractRule::kRange},
      {Dtype::kInt8, bound(int64_t{-3}), bound(int64_t{3}, true), "-4", "2", "3", ContractRule::kMinimum,
       ContractRule::kExclusiveMaximum},
      {Dtype::kUint8, bound(int64_t{0}, true), bound(int64_t{254}), "0", "1", "255", ContractRule::kExclusiveMinimum,
       ContractRule::kMaximum},
      {Dtype::kInt16, bound(-300.0), bound(300.0), "-301", "300", "301", ContractRule::kMinimum,
       ContractRule::kMaximum},
      {Dtype::kUint16, bound(1.0), bound(60000.0), "0", "60000", "60001", ContractRule::kMinimum,
       ContractRule::kMaximum},
      {Dtype::kInt32, bound(int64_t{INT32_MIN}, true), bound(0.0), "-2147483648", "0", "1",
       ContractRule::kExclusiveMinimum, ContractRule::kMaximum},
      {Dtype::kUint32, bound(1.0), bound(int64_t{UINT32_MAX}, true), "0", "4294967294", "4294967295",
       ContractRule::kMinimum, ContractRule::kExclusiveMaximum},
      {Dtype::kInt64, bound(int64_t{-9007199254740993}), bound(int64_t{9007199254740993}), "-9007199254740994",
       "9007199254740993", "9007199254740994", ContractRule::kMinimum, ContractRule::kMaximum},
      {Dtype::kUint64, bound(1.0), bound(uint64_t{UINT64_MAX}, true), "0", "18446744073709551614",
       "18446744073709551615", ContractRule::kMinimum, ContractRule::kExclusiveMaximum},
  };
  for (const auto& each : cases) {
    FieldOptions options = field("x", each.dtype);
    options.min = each.min;
    options.max = each.max;
    Reader reader({options});
    CLAIM(reader.is_clean(rows_of({each.inside})));
    if (!reader.breaks(rows_of({each.inside, each.low}), each.low_rule)) std::printf("  %s\n", each.low);
    CLAIM(reader.breaks(rows_of({each.inside, each.low}), each.low_rule) && reader.first().row == 1);
    if (!reader.breaks(rows_of({each.high}), each.high_rule)) std::printf("  %s\n", each.high);
    CLAIM(reader.breaks(rows_of({each.high}), each.high_rule));
  }
}

TEST("checks: a value beyond a bound is found at every place of a long column") {
  Reader reader({bounded(Dtype::kFloat32, 0.0, 10.0, OnInvalid::kReject)});
  for (size_t at = 0; at < 600; at += 7) {
    std::vector<std::string> values(600, "5");
    values[at] = at % 2 == 0 ? "-0.5" : "10.5";
    CLAIM(reader.breaks(rows_of(values), at % 2 == 0 ? ContractRule::kMinimum : ContractRule::kMaximum) &&
          reader.first().row == at);
  }
}

TEST("checks: accepted values, numbers as their dtype rounds them") {
  FieldOptions floats = field("x", Dtype::kFloat32);
  floats.accepted = {0.1, 0.0, int64_t{7}};
  Reader reader({floats});
  CLAIM(reader.is_clean(rows_of({"0.1", "-0.0", "7e0", "0.100000001"})));
  CLAIM(reader.breaks(rows_of({"0.2"}), ContractRule::kAccepted) && reader.first().text.view() == "0.2");
  FieldOptions wide = field("x", Dtype::kUint64);
  wide.accepted = {uint64_t{UINT64_MAX}, 1.0};
  Reader integers({wide});
  CLAIM(integers.is_clean(rows_of({"1", "18446744073709551615"})));
  CLAIM(integers.breaks(rows_of({"18446744073709551614"}), ContractRule::kAccepted));
  FieldOptions negative = field("x", Dtype::kInt8);
  negative.accepted = {-1.0};
  Reader bytes({negative});
  CLAIM(bytes.is_clean(rows_of({"-1"})) && bytes.breaks(rows_of({"1"}), ContractRule::kAccepted));
  FieldOptions word = field("x", Dtype::kBool);
  word.accepted = {true};
  Reader bools({word});
  CLAIM(bools.is_clean(rows_of({"true"})) && bools.breaks(rows_of({"false"}), ContractRule::kAccepted));
  CLAIM(bools.first().text.view() == "false");
}

TEST("checks: accepted texts, and lengths in characters") {
  FieldOptions texts = field("x", Dtype::kString);
  for (int i = 0; i < 1000; ++i) texts.accepted.push_back("value " + std::to_string(i));
  texts.accepted.push_back(std::string());
  Reader reader({texts});
  CLAIM(reader.is_clean(rows_of({"\"value 0\"", "\"value 999\"", "\"\"", "\"\\u0076alue 7\""})));
  CLAIM(reader.breaks(rows_of({"\"value 1000\""}), ContractRule::kAccepted));
  CLAIM(reader.first().text.view() == "\"value 1000\"");
  FieldOptions lengths = field("x", Dtype::kString);
  lengths.min_length = 2;
  lengths.max_length = 3;
  Reader measured({lengths});
  CLAIM(measured.is_clean(rows_of({"\"ab\"", "\"\xc3\xa4\xc3\xa4\xc3\xa4\"", "\"\\ud83d\\ude00\\ud83d\\ude00\""})));
  CLAIM(measured.breaks(rows_of({"\"a\""}), ContractRule::kMinLength));
  CLAIM(measured.breaks(rows_of({"\"\xf0\x9f\x98\x80\""}), ContractRule::kMinLength));
  CLAIM(measured.breaks(rows_of({"\"abcd\""}), ContractRule::kMaxLength));
  std::string long_text;
  for (int i = 0; i < 40; ++i) long_text += "\xc3\xa4";
  CLAIM(measured.breaks(rows_of({"\"" + long_text + "\""}), ContractRule::kMaxLength));
  CLAIM(measured.first().text.is_cut && measured.first().text.bytes == 63);  // a quote and 31 characters of two bytes
}

TEST("checks: unique values of a request, the earliest of which stays") {
  for (const bool is_text : {false, true}) {
    FieldOptions options = field("x", is_text ? Dtype::kString : Dtype::kFloat64);
    options.is_unique = true;
    options.is_nullable = true;
    std::vector<std::string> values;
    for (int i = 0; i < 5000; ++i) values.push_back(is_text ? "\"k" + std::to_string(i) + "\"" : std::to_string(i));
    values.push_back("null");
    values.push_back("null");
    Reader reader({options});
    CLAIM(reader.is_clean(rows_of(values)));
    values.push_back(is_text ? "\"k17\"" : "17.0");
    CLAIM(reader.breaks(rows_of(values), ContractRule::kUnique) && reader.first().row == 5002);
    CLAIM(reader.first().text.view() == (is_text ? "\"k17\"" : "17"));
    options.on_invalid = OnInvalid::kDrop;
    Reader dropping({options});
    CLAIM(dropping.is_clean(rows_of(values)) && dropping.table().rows() == 5002);
    CLAIM(dropping.table().dropped() == std::vector<uint32_t>{5002});
  }
  FieldOptions zeros = field("x", Dtype::kFloat32);
  zeros.is_unique = true;
  Reader reader({zeros});
  CLAIM(reader.breaks(rows_of({"0", "-0.0"}), ContractRule::kUnique));
}

TEST("checks: a flagged row keeps its value, or misses it where the dtype cannot hold it") {
  Reader reader({bounded(Dtype::kInt32, 0.0, 10.0, OnInvalid::kFlag)});
  CLAIM(reader.is_clean(rows_of({"1", "99", "null", "\"no\"", "2.5", "3"})) && reader.table().rows() == 6);
  const uint8_t* const flags = reader.table().flags();
  for (size_t row = 0; row < 6; ++row) CLAIM((flags[row] == RowTable::kFlagged) == (row > 0 && row < 5));
  CLAIM(element<int32_t>(reader.table(), 0, 1) == 99 && element<int32_t>(reader.table(), 0, 5) == 3);
  for (size_t row = 0; row < 6; ++row) CLAIM(reader.table().column(0).is_missing(row) == (row > 1 && row < 5));
  CLAIM(count_of(reader, OnInvalid::kFlag) == 4 && reader.table().report().mended().count == 4);
  CLAIM(reader.table().report().mended().first[2].rule == ContractRule::kType);
  CLAIM(reader.is_clean(rows_of({"1", "2"})) && reader.table().flags() == nullptr);
}

TEST("checks: a number beyond a bound is clamped to it, all else is rejected") {
  Reader reader({bounded(Dtype::kInt16, -5.0, 5.0, OnInvalid::kClamp)});
  CLAIM(reader.is_clean(rows_of({"-6", "6", "1e9", "-1e400", "0"})));
  const int16_t expected[] = {-5, 5, 5, -5, 0};
  for (size_t row = 0; row < 5; ++row) CLAIM(element<int16_t>(reader.table(), 0, row) == expected[row]);
  CLAIM(count_of(reader, OnInvalid::kClamp) == 4);
  CLAIM(reader.breaks(rows_of({"1.5"}), ContractRule::kInteger) &&
        reader.breaks(rows_of({"null"}), ContractRule::kNull));
  CLAIM(reader.breaks(rows_of({"\"x\""}), ContractRule::kType) && reader.breaks("{}", ContractRule::kMissing));
  // Without bounds of its own, to those of the dtype; an exclusive one to its neighbour.
  FieldOptions open = field("x", Dtype::kFloat32);
  open.max = bound(1.0, true);
  open.on_invalid = OnInvalid::kClamp;
  Reader floats({open});
  CLAIM(floats.is_clean(rows_of({"-1e39", "2"})) && element<float>(floats.table(), 0, 0) == -3.4028235e38f);
  CLAIM(element<float>(floats.table(), 0, 1) == std::nextafter(1.0f, 0.0f));
  FieldOptions half = field("x", Dtype::kFloat16);
  half.min = bound(0.0, true);
  half.on_invalid = OnInvalid::kClamp;
  Reader halves({half});
  CLAIM(halves.is_clean(rows_of({"-1", "1e6"})) && element<uint16_t>(halves.table(), 0, 0) == 1);
  CLAIM(element<uint16_t>(halves.table(), 0, 1) == 0x7bff);
}

TEST("checks: what is invalid is imputed, whatever was wrong, and an impute value breaks no rule") {
  FieldOptions options = bounded(Dtype::kFloat32, 0.0, 10.0, OnInvalid::kImpute);
  options.impute = -1.0;
  Reader reader({options});
  CLAIM(reader.is_clean("[{\"x\":11},{\"x\":null},{},{\"x\":\"no\"},{\"x\":3},{\"x\":-1},{\"x\":1e99}]"));
  const float expected[] = {-1, -1, -1, -1, 3, -1, -1};
  for (size_t row = 0; row < 7; ++row) CLAIM(element<float>(reader.table(), 0, row) == expected[row]);
  CLAIM(count_of(reader, OnInvalid::kImpute) == 5 && reader.table().column(0).validity == nullptr);
  CLAIM(reader.breaks("{\"x\":1,\"x\":2}", ContractRule::kDuplicate));

  FieldOptions texts = field("x", Dtype::kString);
  texts.accepted = {std::string("red"), std::string("white")};
  texts.on_invalid = OnInvalid::kImpute;
  texts.impute = std::string("other colour");
  Reader words({texts});
  CLAIM(words.is_clean(
      "[{\"x\":\"red\"},{\"x\":\"blue\"},{},{\"x\":null},{\"x\":7},{\"x\":\"white\"},{\"x\":\"\\u0000\"}]"));
  const char* const names[] = {"red",          "other colour", "other colour", "other colour",
                               "other colour", "white",        "other colour"};
  for (size_t row = 0; row < 7; ++row) CLAIM(words.text(0, row) == names[row]);
  CLAIM(count_of(words, OnInvalid::kImpute) == 5);
  FieldOptions nullable = texts;
  nullable.is_nullable = true;
  nullable.is_required = false;
  Reader optional({nullable});
  CLAIM(optional.is_clean("[{\"x\":null},{},{\"x\":\"no\"}]") && optional.table().column(0).missing == 2);
  CLAIM(optional.text(0, 0).empty() && optional.text(0, 2) == "other colour");
}

TEST("checks: dropped rows are left out of every column, the rest moves up") {
  FieldOptions number = bounded(Dtype::kInt32, 0.0, 10.0, OnInvalid::kDrop);
  FieldOptions text = field("t", Dtype::kString);
  text.is_nullable = true;
  FieldOptions pair = field("p", Dtype::kInt8);
  pair.dims = {2};
  FieldOptions flagged = field("f", Dtype::kBool);
  flagged.on_invalid = OnInvalid::kFlag;
  Reader reader({number, text, pair, flagged});
  CLAIM(reader.is_clean(
      R"([{"x":99,"t":"a","p":[1,2],"f":true},{"x":1,"t":"bc","p":[3,4],"f":true},{"x":"?","t":null,"p":[5,6],"f":7},
                            {"x":2,"t":null,"p":[7,8],"f":null},
                            {"t":"d","p":[9,10],"f":true},{"x":3,"t":"ef","p":[11,12],"f":false}])"));
  const RowTable& table = reader.table();
  CLAIM(table.rows() == 3 && table.dropped() == std::vector<uint32_t>({0, 2, 4}));
  for (size_t row = 0; row < 3; ++row) {
    const int8_t first[] = {3, 7, 11};
    CLAIM(element<int32_t>(table, 0, row) == static_cast<int32_t>(row) + 1);
    CLAIM(element<int8_t>(table, 2, 2 * row) == first[row] && element<int8_t>(table, 2, 2 * row + 1) == first[row] + 1);
    CLAIM((table.flags()[row] == RowTable::kFlagged) == (row == 1) && table.column(1).is_missing(row) == (row == 1));
  }
  CLAIM(reader.text(1, 0) == "bc" && reader.text(1, 2) == "ef" && table.column(1).missing == 1);
  CLAIM(count_of(reader, OnInvalid::kDrop) == 3);
  CLAIM(reader.is_clean(R"([{"x":99,"t":"a","p":[1,2],"f":true}])") && reader.table().rows() == 0);
}

TEST("checks: one value that is rejected refuses the request, whatever others become") {
  FieldOptions dropping = bounded(Dtype::kInt32, 0.0, 10.0, OnInvalid::kDrop);
  Reader reader({dropping, field("y", Dtype::kInt32)});
  CLAIM(reader.read(R"([{"x":99,"y":1.5},{"x":1,"y":2}])") == BodyFault::kNone && reader.table().is_rejected());
  CLAIM(reader.table().report().mended().count == 1 && reader.first().field == 1);
}

TEST("checks: a spec that cannot be enforced is refused, in a sentence") {
  const auto changed = [](auto&& change) {
    FieldOptions options = field("x", Dtype::kFloat32);
    change(options);
    return fault_of({options});
  };
  const auto has = [](const std::string& sentence, const char* part) {
    if (sentence.find(part) == std::string::npos) std::printf("  %s\n", sentence.c_str());
    return sentence.find(part) != std::string::npos;
  };
  CLAIM(has(fault_of({}), "Expected 1 to 4096 fields but received 0"));
  CLAIM(
      has(fault_of({field("x", Dtype::kInt8), field("x", Dtype::kInt8)}), "different names but received \"x\" twice"));
  CLAIM(has(fault_of({field("", Dtype::kInt8)}), "to have 1 to 1024 bytes but received 0"));
  CLAIM(has(fault_of({field("\xff", Dtype::kInt8)}), "to be UTF-8"));
  CLAIM(has(fault_of({field("x", Dtype::kBfloat16)}), "dtype of field \"x\""));
  CLAIM(has(changed([](auto& f) { f.dims = {0}; }), "dims of field \"x\" to be 1 to"));
  CLAIM(has(changed([](auto& f) { f.dims = {1 << 20, 1 << 20}; }), "values a row"));
  CLAIM(has(changed([](auto& f) { f.dims.assign(17, 1); }), "at most 16 dims"));
  CLAIM(
      has(changed([](auto& f) { f.min = bound(1e39); }), "min of field \"x\" to be a value of its dtype but received"));
  CLAIM(has(changed([](auto& f) { f.min = bound(NAN); }), "min of field"));
  CLAIM(has(changed([](auto& f) { f.max = bound(std::string("1")); }), "max of field"));
  CLAIM(has(changed([](auto& f) { f.min = bound(2.0), f.max = bound(1.0); }), "leave a value between them"));
  CLAIM(has(changed([](auto& f) { f.min = bound(1.0), f.max = bound(1.0, true); }), "leave a value between them"));
  CLAIM(has(changed([](auto& f) { f.dtype = Dtype::kInt8, f.max = bound(128.0); }), "received 128"));
  CLAIM(has(changed([](auto& f) { f.dtype = Dtype::kInt8, f.min = bound(0.5); }), "received 0.5"));
  CLAIM(has(changed([](auto& f) { f.dtype = Dtype::kInt8, f.min = bound(127.0, true); }), "leave a value beside it"));
  CLAIM(has(changed([](auto& f) { f.dtype = Dtype::kString, f.min = bound(1.0); }), "it has no numbers"));
  CLAIM(has(changed([](auto& f) { f.accepted = {std::string("a")}; }), "accepted of field"));
  CLAIM(has(changed([](auto& f) { f.min_length = 1; }), "it has no texts"));
  CLAIM(
      has(changed([](auto& f) { f.dtype = Dtype::kString, f.min_length = 2, f.max_length = 1; }), "at most maxLength"));
  CLAIM(has(changed([](auto& f) { f.dims = {2}, f.is_unique = true; }), "unique of field"));
  CLAIM(
      has(changed([](auto& f) { f.dtype = Dtype::kString, f.on_invalid = OnInvalid::kClamp; }), "another than clamp"));
  CLAIM(has(changed([](auto& f) { f.on_invalid = OnInvalid::kImpute; }), "impute of field \"x\" to be set"));
  CLAIM(has(changed([](auto& f) { f.impute = 1.0; }), "to be absent unless"));
  CLAIM(has(changed([](auto& f) { f.on_invalid = OnInvalid::kImpute, f.impute = true; }), "received true"));
}

int main() {
  return penstock::testing::run_all();
}

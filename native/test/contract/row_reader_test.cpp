// Rows of JSON by a contract: what each dtype takes, what each rule refuses, what becomes of it, and that no body,
// however broken, does harm.
#include <cmath>
#include <limits>
#include <random>

#include "test/contract/contract_fixture.hpp"

using namespace penstock;
using namespace penstock::testing;

namespace {
std::string row(const std::string& value) {
  std::string text = "{\"x\":";
  text += value;
  text += "}";
  return text;
}

struct Case {
  Dtype dtype;
  const char* text;
  ContractRule rule;
};
}  // namespace

TEST("rows: a dtype takes every number that it has, in any form") {
  const std::pair<Dtype, std::vector<const char*>> taken[] = {
      {Dtype::kInt8, {"-128", "127", "7.0", "70e-1", "0.7E+1", "-0", "1e2"}},
      {Dtype::kUint8, {"0", "255", "2.55e2", "-0", "-0.0"}},
      {Dtype::kInt16, {"-32768", "32767"}},
      {Dtype::kUint16, {"65535"}},
      {Dtype::kInt32,
       {"-2147483648", "2147483647", "1000000000000000000000000e-15", "0.00000000000000000000000001e26"}},
      {Dtype::kUint32, {"4294967295"}},
      {Dtype::kInt64,
       {"-9223372036854775808", "9223372036854775807", "\"9007199254740993\"", "\"-9007199254740992\"", "9e15"}},
      {Dtype::kUint64, {"18446744073709551615", "\"18446744073709551615\"", "90071992547409910e-1"}},
      {Dtype::kFloat16, {"65504", "-65504", "65519", "6e-8", "1e-300"}},
      {Dtype::kFloat32, {"3.4028235e38", "0.1", "1e-60", "1e-400", "-0.0", "123456789012345678901234567890"}},
      {Dtype::kFloat64, {"1.7976931348623157e308", "5e-324", "1e-400", "0e99999"}},
      {Dtype::kBool, {"true", "false"}},
      {Dtype::kString,
       {"\"\"", "\"x\"", R"("\u00e4\n\ud83d\ude00")", "\"\xc3\xa4\xf0\x9f\x98\x80\"", "\"0123456789abcdef\""}},
  };
  for (const auto& [dtype, texts] : taken) {
    Reader reader({field("x", dtype)});
    for (const char* const text : texts) {
      if (!reader.is_clean(row(text))) std::printf("  %s for dtype %d\n", text, static_cast<int>(dtype));
      CLAIM(reader.is_clean(row(text)) && reader.table().rows() == 1);
      // And the same far from the end of the body, where the quick ways are.
      std::string twice = "[";
      twice.append(row(text)).append(",").append(row(text)).append(64, ' ').append("]");
      CLAIM(reader.is_clean(twice) && reader.table().rows() == 2);
    }
  }
}

TEST("rows: what a dtype does not have breaks the rule that says so") {
  const Case cases[] = {
      {Dtype::kInt8, "128", ContractRule::kRange},
      {Dtype::kInt8, "-129", ContractRule::kRange},
      {Dtype::kInt32, "1.5", ContractRule::kInteger},
      {Dtype::kInt32, "1e-1", ContractRule::kInteger},
      {Dtype::kInt32, "1.00000000000000000000001", ContractRule::kInteger},
      {Dtype::kInt32, "1099511627776", ContractRule::kRange},
      {Dtype::kInt32, "1e400", ContractRule::kRange},
      {Dtype::kInt32, "\"7\"", ContractRule::kType},
      {Dtype::kUint8, "-1", ContractRule::kRange},
      {Dtype::kInt64, "9223372036854775808", ContractRule::kRange},
      {Dtype::kInt64, "-9223372036854775809", ContractRule::kRange},
      {Dtype::kInt64, "\"9223372036854775808\"", ContractRule::kRange},
      {Dtype::kInt64, "\"1.0\"", ContractRule::kType},
      {Dtype::kInt64, "\"01\"", ContractRule::kType},
      {Dtype::kInt64, "\"-1\"", ContractRule::kType},
      {Dtype::kInt64, "\"9007199254740991\"", ContractRule::kType},
      {Dtype::kInt64, "9.2e18", ContractRule::kType},
      {Dtype::kUint64, "9007199254740993.0", ContractRule::kType},
      {Dtype::kInt64, "\"\"", ContractRule::kType},
      {Dtype::kInt64, "\"-\"", ContractRule::kType},
      {Dtype::kInt64, "9007199254740993.5", ContractRule::kInteger},
      {Dtype::kUint64, "18446744073709551616", ContractRule::kRange},
      {Dtype::kUint64, "-1", ContractRule::kRange},
      {Dtype::kFloat16, "65520", ContractRule::kRange},
      {Dtype::kFloat32, "3.5e38", ContractRule::kRange},
      {Dtype::kFloat64, "1e309", ContractRule::kRange},
      {Dtype::kFloat64, "-1e999999", ContractRule::kRange},
      {Dtype::kFloat32, "\"1\"", ContractRule::kType},
      {Dtype::kFloat32, "\"NaN\"", ContractRule::kType},
      {Dtype::kFloat32, "true", ContractRule::kType},
      {Dtype::kFloat32, "[1]", ContractRule::kType},
      {Dtype::kFloat32, "{\"a\":[1,{}]}", ContractRule::kType},
      {Dtype::kFloat32, "null", ContractRule::kNull},
      {Dtype::kBool, "1", ContractRule::kType},
      {Dtype::kBool, "\"true\"", ContractRule::kType},
      {Dtype::kBool, "null", ContractRule::kNull},
      {Dtype::kString, "1", ContractRule::kType},
      {Dtype::kString, "null", ContractRule::kNull},
      {Dtype::kString, R"("a\u0000b")", ContractRule::kNul},
      {Dtype::kString, R"("\ud800")", ContractRule::kEncoding},
      {Dtype::kString, R"("\udc00\ud800")", ContractRule::kEncoding},
      {Dtype::kString, R"("\ud800\u0041")", ContractRule::kEncoding},
  };
  for (const Case& each : cases) {
    Reader reader({field("x", each.dtype)});
    const bool is_broken = reader.breaks(row(each.text), each.rule);
    if (!is_broken) std::printf("  %s for dtype %d\n", each.text, static_cast<int>(each.dtype));
    CLAIM(is_broken);
    if (is_broken)
      CLAIM(reader.first().text.view() == each.text && reader.first().field == 0 && reader.first().row == 0);
  }
}

TEST("rows: values arrive as they are") {
  Reader reader({field("f", Dtype::kFloat32), field("i", Dtype::kInt64), field("s", Dtype::kString),
                 field("b", Dtype::kBool), field("h", Dtype::kFloat16)});
  CLAIM(reader.is_clean(R"([{"f":0.1,"i":9007199254740993,"s":"\u00e4b","b":true,"h":1.5},
                            {"h":-2,"b":false,"s":"a text longer than sixteen bytes",
                             "i":"-9223372036854775808","f":-1e-7}])"));
  const RowTable& table = reader.table();
  CLAIM(table.rows() == 2 && element<float>(table, 0, 0) == 0.1f && element<float>(table, 0, 1) == -1e-7f);
  CLAIM(element<int64_t>(table, 1, 0) == 9007199254740993 && element<int64_t>(table, 1, 1) == INT64_MIN);
  CLAIM(reader.text(2, 0) ==
            "\xc3\xa4"
            "b" &&
        reader.text(2, 1) == "a text longer than sixteen bytes");
  CLAIM(element<uint8_t>(table, 3, 0) == 1 && element<uint8_t>(table, 3, 1) == 0);
  CLAIM(element<uint16_t>(table, 4, 0) == 0x3e00 && element<uint16_t>(table, 4, 1) == 0xc000);
  for (uint32_t column = 0; column < 5; ++column) CLAIM(table.column(column).validity == nullptr);
}

TEST("rows: keys in every order, with escapes and white space, find their fields") {
  Reader reader({field("alpha", Dtype::kInt32), field("\xc3\xa4\"\\", Dtype::kInt32), field("c", Dtype::kInt32),
                 field("a_key_of_more_than_thirty_two_bytes", Dtype::kInt32)});
  const char* const forms[4] = {"\"alpha\"", "\"\xc3\xa4\\\"\\\\\"", "\"c\"",
                                "\"a_key_of_more_than_thirty_two_bytes\""};
  const char* const escaped[4] = {R"("\u0061lpha")", R"("\u00e4\u0022\u005C")", R"("\u0063")",
                                  R"("a_key_of_more_than_thirty_two_bytes")"};
  int order[4] = {0, 1, 2, 3};
  std::string all;
  int count = 0;
  do {
    for (const auto& names : {forms, escaped}) {
      std::string text = "{";
      for (const int index : order)
        text += (text.size() > 1 ? " , " : "") + std::string(names[index]) + " : " + std::to_string(index + 10);
      all += (all.empty() ? "[" : ",") + text + "}";
      CLAIM(reader.is_clean(text + "}") && element<int32_t>(reader.table(), 1, 0) == 11);
      ++count;
    }
  } while (std::next_permutation(order, order + 4));
  CLAIM(count == 48 && reader.is_clean(all + "]") && reader.table().rows() == 48);
  for (uint32_t column = 0; column < 4; ++column)
    for (size_t i = 0; i < 48; ++i) CLAIM(element<int32_t>(reader.table(), column, i) == static_cast<int>(column) + 10);
}

TEST("rows: a key twice, a field that is missing, and one that the contract does not have") {
  Reader reader({field("x", Dtype::kFloat32), field("y", Dtype::kFloat32)});
  CLAIM(reader.breaks(R"({"x":1,"y":2,"x":3})", ContractRule::kDuplicate) && reader.first().text.view() == "3");
  CLAIM(reader.breaks(R"([{"x":1,"y":2},{"x":1}])", ContractRule::kMissing));
  CLAIM(reader.first().row == 1 && reader.first().field == 1 && reader.first().text.bytes == 0);
  CLAIM(reader.breaks(R"({"x":1,"y":2,"z\n":[1,{"a":null}]})", ContractRule::kExtra));
  CLAIM(reader.first().field == Problem::kNoField && reader.first().text.view() == "z\n");
  // A name that begins as a field's does, or is longer than what is reported.
  CLAIM(reader.breaks(R"({"x":1,"y":2,"xx":1})", ContractRule::kExtra));
  CLAIM(reader.breaks("{\"x\":1,\"y\":2,\"\\u00e4" + std::string(5000, 'k') + "\":1}", ContractRule::kExtra));
  CLAIM(reader.first().text.is_cut && reader.first().text.bytes == kContractTextBytesMax);
}

TEST("rows: extra fields are named once a request, or not at all") {
  Reader logged({field("x", Dtype::kInt8)}, ExtraFields::kLog);
  CLAIM(logged.is_clean(R"([{"p":1,"x":1,"q":"\u0000"},{"q":[],"p":{},"x":1}])"));
  CLAIM(logged.table().report().extra_count() == 4 && logged.table().report().extra_names().size() == 2);
  CLAIM(logged.table().report().extra_names()[1].view() == "q");
  std::string many = "{\"x\":1";
  for (int i = 0; i < 1000; ++i) many += ",\"n" + std::to_string(i) + "\":0";
  CLAIM(logged.is_clean(many + "}") && logged.table().report().extra_count() == 1000);
  CLAIM(logged.table().report().extra_names().size() == kContractExtrasMax);
  Reader ignored({field("x", Dtype::kInt8)}, ExtraFields::kIgnore);
  CLAIM(ignored.is_clean(R"({"p":[[1],{"a":"b"}],"x":1})") && ignored.table().report().extra_count() == 0);
}

TEST("rows: a missing value is NaN, 0 or the empty text, and its bit is clear") {
  std::vector<FieldOptions> fields = {field("f", Dtype::kFloat32), field("i", Dtype::kInt64),
                                      field("s", Dtype::kString), field("h", Dtype::kFloat16)};
  for (FieldOptions& each : fields) each.is_nullable = true;
  fields[1].is_required = false;
  Reader reader(std::move(fields));
  std::string text = "[";
  for (int i = 0; i < 20; ++i) text += R"({"f":1,"i":2,"s":"t","h":3},)";
  CLAIM(reader.is_clean(text + R"({"h":null,"s":null,"f":null}])"));
  const RowTable& table = reader.table();
  CLAIM(table.rows() == 21 && std::isnan(element<float>(table, 0, 20)) && element<int64_t>(table, 1, 20) == 0);
  CLAIM(reader.text(2, 20).empty() && element<uint16_t>(table, 3, 20) == 0x7e00);
  for (uint32_t column = 0; column < 4; ++column) {
    CLAIM(table.column(column).missing == 1 && table.column(column).is_missing(20));
    for (size_t i = 0; i < 20; ++i) CLAIM(!table.column(column).is_missing(i));
  }
  // The next request has none of it.
  CLAIM(reader.is_clean(R"({"f":1,"i":2,"s":"t","h":3})") && table.column(0).validity == nullptr &&
        table.column(0).missing == 0);
  CLAIM(reader.breaks(R"({"f":1,"i":2,"s":"t"})", ContractRule::kMissing));
}

TEST("rows: lines are objects one behind the other, and nothing else") {
  RowReader reader(spec_of({field("x", Dtype::kFloat32)}), SipKey{1, 2});
  const auto read = [&](std::string_view body) { return reader.read(body, {}, BodyForm::kLines); };
  for (const char* const body : {"{\"x\":1}\n{\"x\":2}\n", " {\"x\":1}{\"x\":2}", "{\"x\":1}\r\n\r\n{\"x\":2}"})
    CLAIM(read(body).fault == BodyFault::kNone && reader.table().rows() == 2 &&
          element<float>(reader.table(), 0, 1) == 2.0F);
  CLAIM(read("").fault == BodyFault::kNone && reader.table().rows() == 0);
  CLAIM(read("{\"x\":1},{\"x\":2}").fault == BodyFault::kRows && read("[{\"x\":1}]").fault == BodyFault::kRows);
  CLAIM(read("{\"x\":1}\n7").offset == 8 && read("{\"x\":1").fault == BodyFault::kEnd);
}

TEST("rows: arrays in the field's shape, and nothing else") {
  FieldOptions matrix = field("m", Dtype::kFloat32);
  matrix.dims = {2, 3};
  matrix.is_nullable = true;
  FieldOptions texts = field("t", Dtype::kString);
  texts.dims = {2};
  FieldOptions one = field("o", Dtype::kInt8);
  one.dims = {1};
  const std::string rest = R"(,"t":["a","b"],"o":[7]})";
  Reader reader({matrix, texts, one});
  for (const char* const value : {"[[1,2,3],[4,5,6]]", " [ [ 1 , 2,3 ] , [4,5 ,6 ] ] "}) {
    CLAIM(reader.is_clean("{\"m\":" + std::string(value) + rest) && reader.table().rows() == 1);
    for (size_t i = 0; i < 6; ++i) CLAIM(element<float>(reader.table(), 0, i) == static_cast<float>(i + 1));
    CLAIM(reader.text(1, 1) == "b");
  }
  for (const char* const value : {"[[1,2,3],[4,5]]", "[[1,2,3]]", "[[1,2,3],[4,5,6],[7,8,9]]", "[1,2,3]",
                                  "[1,2,3,4,5,6]", "[]", "[[]]", "[[1,2,3,4],[5,6]]", "[[[1,2,3],[4,5,6]]]", "7",
                                  "[1,2,3,4,5,6,7]", "{}", "\"x\"", "[[1,2,3],4,5,6]", "[1,2,3,[4,5,6]]"}) {
    const bool is_broken = reader.breaks("{\"m\":" + std::string(value) + rest, ContractRule::kShape);
    if (!is_broken) std::printf("  %s\n", value);
    CLAIM(is_broken && reader.first().element == Problem::kNoElement);
  }
  CLAIM(reader.breaks("{\"m\":[[1,2,3],[4,true,6]]" + rest, ContractRule::kType) && reader.first().element == 4);
  // Values that are wrong do not hide the shape, nor are they told beside it.
  CLAIM(reader.breaks("{\"m\":[[1,2,true],[4,\"x\"]]" + rest, ContractRule::kShape));
  CLAIM(reader.is_clean("{\"m\":[[1,2,3],[4,null,6]]" + rest) && reader.table().column(0).is_missing(4));
  CLAIM(reader.is_clean("{\"m\":null" + rest) && reader.table().column(0).missing == 6);
  CLAIM(reader.breaks(R"({"m":null,"t":["a"],"o":[1]})", ContractRule::kShape) && reader.first().field == 1);
  CLAIM(reader.breaks(R"({"m":null,"t":["a",""],"o":1})", ContractRule::kShape) && reader.first().field == 2);
}

TEST("rows: bodies that are no rows of JSON are refused with the byte that is not") {
  const struct {
    std::string text;
    BodyFault fault;
    size_t offset;
  } cases[] = {
      {"", BodyFault::kEnd, 0},
      {"  ", BodyFault::kEnd, 2},
      {"7", BodyFault::kRows, 0},
      {"[7]", BodyFault::kRows, 1},
      {"[{\"x\":1},]", BodyFault::kRows, 9},
      {"\xef\xbb\xbf{}", BodyFault::kRows, 0},
      {"{", BodyFault::kEnd, 1},
      {"{x:1}", BodyFault::kKey, 1},
      {"{\"x\" 1}", BodyFault::kColon, 5},
      {"{\"x\":1 2}", BodyFault::kComma, 7},
      {"{\"x\":1,}", BodyFault::kKey, 7},
      {"{\"x\":}", BodyFault::kValue, 5},
      {"{\"x\":NaN}", BodyFault::kNotFinite, 5},
      {"{\"x\":-Infinity}", BodyFault::kNotFinite, 5},
      {"{\"x\":nul}", BodyFault::kValue, 5},
      {"{\"x\":01}", BodyFault::kComma, 6},
      {"{\"x\":1.}", BodyFault::kValue, 5},
      {"{\"x\":1}x", BodyFault::kTrailing, 7},
      {"[{\"x\":1}", BodyFault::kEnd, 8},
      {"[{\"x\":1};", BodyFault::kComma, 8},
      {"{\"x\":\"a\nb\"}", BodyFault::kControl, 7},
      {"{\"x\":\"\\x\"}", BodyFault::kEscape, 6},
      {"{\"x\":\"\\u12g4\"}", BodyFault::kEscape, 6},
      {"{\"x\":\"\xff\"}", BodyFault::kUtf8, 6},
      {"{\"x\":\"\xed\xa0\x80\"}", BodyFault::kUtf8, 6},
      {"{\"x\":\"\xc0\xaf\"}", BodyFault::kUtf8, 6},
      {"{\"\xf5\x80\x80\x80\":1}", BodyFault::kUtf8, 2},
      {"{\"x\":[1,2", BodyFault::kEnd, 9},
      {"{\"x\":{\"a\" 1}}", BodyFault::kColon, 10},
  };
  Reader reader({field("x", Dtype::kFloat32)});
  for (const auto& each : cases) {
    const BodyFault fault = reader.read(each.text);
    const bool is_so = fault == each.fault && reader.outcome.offset == each.offset;
    if (!is_so) std::printf("  %s: %d at %zu\n", each.text.c_str(), static_cast<int>(fault), reader.outcome.offset);
    CLAIM(is_so && reader.table().rows() == 0);
  }
  Reader ignored({field("x", Dtype::kFloat32)}, ExtraFields::kIgnore);
  CLAIM(ignored.read("{\"x\":1,\"y\":" + std::string(31, '[') + std::string(31, ']') + "}") == BodyFault::kNone);
  CLAIM(ignored.read("{\"x\":1,\"y\":" + std::string(1 << 20, '[')) == BodyFault::kDepth);
  CLAIM(ignored.read("{\"x\":1,\"y\":" + std::string(32, '[') + std::string(32, ']') + "}") == BodyFault::kDepth);
}

TEST("rows: an empty list has no rows") {
  Reader reader({field("x", Dtype::kFloat32)});
  CLAIM(reader.is_clean(" [ ] ") && reader.table().rows() == 0);
}

TEST("rows: rows and memory are what the caller allows, whatever was read before") {
  FieldOptions wide = field("x", Dtype::kFloat64);
  wide.dims = {1000};
  wide.is_required = false;
  Reader reader({wide});
  std::string text = "[{}";
  for (int i = 1; i < 200; ++i) text += ",{}";
  text += "]";
  CLAIM(reader.read(text) == BodyFault::kNone && reader.table().rows() == 200);
  CLAIM(reader.table().column(0).missing == 200'000);
  CLAIM(reader.read(text, {.rows_max = 199}) == BodyFault::kTooManyRows);
  CLAIM(reader.read(text, {.rows_max = 200}) == BodyFault::kNone);
  const size_t row_bytes = reader.table().spec().row_bytes();
  CLAIM(row_bytes >= 8000 && reader.read(text, {.bytes_max = 199 * row_bytes}) == BodyFault::kTooLarge);
  CLAIM(reader.read(text, {.bytes_max = 200 * row_bytes}) == BodyFault::kNone);

  ByteBudget budget(1 << 20);
  {
    RowReader charged(spec_of({wide}), SipKey{}, &budget);
    CLAIM(charged.read("[{},{}]", {.rows_max = 2}).fault == BodyFault::kNone);
    CLAIM(budget.used_bytes() == static_cast<int64_t>(charged.table().held_bytes()) && budget.used_bytes() > 16000);
    CLAIM(charged.read(text, {}).fault == BodyFault::kNoMemory);
    CLAIM(charged.read("[{},{}]", {.rows_max = 2}).fault == BodyFault::kNone && charged.table().rows() == 2);
  }
  CLAIM(budget.used_bytes() == 0);
}

TEST("rows: a reader that read much and little holds no memory between requests that it does not need") {
  Reader reader({field("x", Dtype::kFloat64), field("s", Dtype::kString)});
  std::string text = "[{\"x\":1,\"s\":\"abc\"}";
  for (int i = 1; i < 1'500'000; ++i) text += ",{\"x\":1,\"s\":\"\"}";
  CLAIM(reader.is_clean(text + "]"));
  const size_t held = reader.table().held_bytes();
  CLAIM(reader.is_clean("{\"x\":1,\"s\":\"\"}") && reader.table().held_bytes() == held);
  reader.reader.trim();
  CLAIM(reader.table().held_bytes() < held / 2);
  CLAIM(reader.is_clean("[{\"x\":1,\"s\":\"a\"},{\"x\":2,\"s\":\"b\"}]") &&
        element<double>(reader.table(), 0, 1) == 2 && reader.text(1, 1) == "b");
}

TEST("rows: many problems are counted, the first told in the order of the rows") {
  FieldOptions bounded = field("x", Dtype::kFloat32);
  bounded.max = {1.0, false};
  Reader reader({bounded, field("y", Dtype::kInt32)});
  std::string text = "[";
  for (int i = 0; i < 150; ++i)
    text += (i > 0 ? ",{\"x\":2" : "{\"x\":2") + std::string(i == 3 ? ",\"y\":\"no\"}" : ",\"y\":1}");
  CLAIM(reader.read(text + "]") == BodyFault::kNone);
  const ProblemList& list = reader.table().report().rejected();
  CLAIM(list.count == 151 && list.first.size() == kContractRowProblemsMax);
  for (size_t i = 1; i < list.first.size(); ++i) CLAIM(list.first[i - 1].row <= list.first[i].row);
  CLAIM(list.first[4].row == 3 && list.first[4].field == 1 && list.first[0].text.view() == "2");
}

TEST("rows: truncated and mutated bodies are read or refused, and none is read beyond its end") {
  std::vector<FieldOptions> fields = {field("alpha", Dtype::kFloat32), field("beta", Dtype::kInt64),
                                      field("text", Dtype::kString),   field("flag", Dtype::kBool),
                                      field("list", Dtype::kInt16),    field("names", Dtype::kString)};
  fields[0].min = {0.0, false};
  fields[1].is_nullable = fields[2].is_nullable = true;
  fields[1].on_invalid = OnInvalid::kDrop;
  fields[2].on_invalid = OnInvalid::kImpute;
  fields[2].impute = std::string("imputed");
  fields[2].accepted = {std::string("red"), std::string("white")};
  fields[3].on_invalid = OnInvalid::kFlag;
  fields[4].dims = {2, 2};
  fields[4].on_invalid = OnInvalid::kClamp;
  fields[5].dims = {2};
  fields[5].on_invalid = OnInvalid::kImpute;
  fields[5].impute = std::string("none");
  fields[2].max_length = 4;
  Reader reader(fields, ExtraFields::kLog);
  const std::string body =
      R"([{"alpha":0.25,"beta":12,"text":"red","flag":true,"list":[[1,2],[3,4]],"names":["a","\u00e4\ud83d\ude00"]},)"
      R"({"beta":null,"alpha":1e-7,"flag":false,"text":"white","names":["b","c"],)"
      R"("list":[[5,6],[7,8]],"more":{"a":[1,null]}},)"
      R"({"alpha":12345.678,"beta":"9007199254740993","text":null,"flag":true,"list":[[1,2],[3,4]],"names":["","x"]}])";
  CLAIM(reader.is_clean(body) && reader.table().rows() == 3);
  for (size_t length = 0; length < body.size(); ++length)
    CLAIM(reader.read(body.substr(0, length)) != BodyFault::kNone);
  std::mt19937_64 random(17);
  const std::string alphabet = "[]{},:.-+eE0123456789 \ntrufalsn\"\\u\xc3\xa4\xff";
  size_t read = 0, refused = 0;
  for (int i = 0; i < 60'000; ++i) {
    std::string text = body;
    for (size_t change = 1 + random() % 5; change > 0 && !text.empty(); --change) {
      const size_t at = random() % text.size();
      const char letter = alphabet[random() % alphabet.size()];
      if (random() % 4 == 0)
        text.erase(at, 1 + random() % 3);
      else if (random() % 3 == 0)
        text.insert(at, 1, letter);
      else
        text[at] = letter;
    }
    if (random() % 8 == 0) text.resize(random() % (text.size() + 1));
    const BodyFault fault = reader.read(text, {.rows_max = 2 + static_cast<uint32_t>(random() % 4)});
    (fault == BodyFault::kNone ? read : refused) += 1;
    CLAIM(static_cast<size_t>(fault) < kBodyFaultCount && reader.outcome.offset <= text.size());
    if (fault != BodyFault::kNone || reader.table().is_rejected()) continue;
    const RowTable& table = reader.table();
    CLAIM(table.rows() + table.dropped().size() <= 5);
    for (const uint32_t column : {2u, 5u}) {
      const size_t count = size_t{table.rows()} * table.spec().fields()[column].values;
      for (size_t k = 0; k < count; ++k) CLAIM(table.column(column).offsets[k] <= table.column(column).offsets[k + 1]);
    }
  }
  // Both happen often, or the mutations prove little.
  CLAIM(read > 1000 && refused > 1000);
}

int main() {
  return penstock::testing::run_all();
}

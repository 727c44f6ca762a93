// JSON numbers in and out: values against strtod, hostile and mutated texts, and printing against reading back.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>

#include "json/text/fit.hpp"
#include "json/text/number.hpp"
#include "json/text/print.hpp"
#include "json/text/read.hpp"
#include "json/text/scan.hpp"
#include "test/testing.hpp"

using namespace penstock;
using json::Cursor;
using json::Elements;
using json::Nest;

namespace {
// On the heap and exactly as long as the text, so that a sanitizer sees a read beyond the end.
struct Text {
  explicit Text(const std::string& text) : bytes(text.begin(), text.end()) {}
  Cursor cursor() const { return {bytes.data(), bytes.data() + bytes.size()}; }
  std::vector<char> bytes;
};

bool reads(const std::string& text, Dtype dtype, Elements& elements, Nest& nest, size_t count_max = 1 << 20) {
  const Text body(text);
  Cursor cursor = body.cursor();
  return json::read_nest(cursor, dtype, count_max, elements, nest) && cursor.peek() == '\0' && cursor.at == cursor.end;
}
bool reads(const std::string& text, Dtype dtype) {
  Elements elements;
  Nest nest;
  return reads(text, dtype, elements, nest);
}
template <typename T>
T first(const Elements& elements) {
  T value;
  std::memcpy(&value, elements.data(), sizeof(T));
  return value;
}
template <typename T>
T value_of(const std::string& text, Dtype dtype) {
  Elements elements;
  Nest nest;
  CLAIM(reads(text, dtype, elements, nest));
  return first<T>(elements);
}
std::string printed(double value, bool is_float32) {
  char text[kElementCharactersMax];
  char* const end = is_float32 ? json::print_float32(value, text) : json::print_float64(value, text);
  CLAIM(end - text <= static_cast<ptrdiff_t>(sizeof text));
  return {text, end};
}

std::string random_number(std::mt19937_64& random) {
  char text[64];
  switch (random() % 5) {
    case 0:
      std::snprintf(text, sizeof text, "%.17g", std::bit_cast<double>(random()));
      break;
    case 1:
      std::snprintf(text, sizeof text, "%.*g", static_cast<int>(random() % 20) + 1,
                    static_cast<double>(std::bit_cast<float>(static_cast<uint32_t>(random()))));
      break;
    case 2:
      std::snprintf(text, sizeof text, "%llu.%llue%d", static_cast<unsigned long long>(random() % 100),
                    static_cast<unsigned long long>(random()), static_cast<int>(random() % 60) - 30);
      break;
    case 3:
      std::snprintf(text, sizeof text, "%lld", static_cast<long long>(random()));
      break;
    default:
      // Near the halfway between two doubles: one more digit than they need.
      std::snprintf(text, sizeof text, "%.18g", 1.0 + std::ldexp(static_cast<double>(random() % 1024) + 0.5, -53));
  }
  return text;
}
}  // namespace

TEST("json: a number is the double that strtod reads, over random texts") {
  std::mt19937_64 random(7);
  for (int i = 0; i < 300'000; ++i) {
    const std::string text = random_number(random);
    if (text.find("nan") != std::string::npos || text.find("inf") != std::string::npos) continue;
    const Text body(text);
    const char* at = body.bytes.data();
    double value = 0;
    const double expected = std::strtod(text.c_str(), nullptr);
    const bool is_read = json::read_number(at, body.bytes.data() + body.bytes.size(), value);
    // Out of a double's normal range it may say no: the reader in TypeScript decides then.
    const bool is_usual = std::isfinite(expected) && std::fabs(expected) >= 2.3e-308;
    if (is_usual && !is_read) std::printf("  refused %s\n", text.c_str());
    CLAIM(!is_usual || is_read);
    if (!is_read) continue;
    if (std::memcmp(&value, &expected, 8) != 0) std::printf("  %s\n", text.c_str());
    CLAIM(std::memcmp(&value, &expected, 8) == 0);
    CLAIM(at == body.bytes.data() + body.bytes.size());
  }
}

TEST("json: a float is the double's, also where two floats are equally near") {
  std::mt19937_64 random(11);
  const auto same = [](const std::string& text) {
    const Text body(text);
    const char* at = body.bytes.data();
    const char* at_float = at;
    const char* const end = at + body.bytes.size();
    double exact = 0;
    float value = 0;
    const bool is_read = json::read_number(at, end, exact) && std::isfinite(static_cast<float>(exact));
    CLAIM(json::read_float(at_float, end, value) == is_read);
    if (!is_read) return;
    const auto expected = static_cast<float>(exact);
    if (std::memcmp(&value, &expected, 4) != 0) std::printf("  %s\n", text.c_str());
    CLAIM(std::memcmp(&value, &expected, 4) == 0 && at_float == end);
  };
  for (int i = 0; i < 300'000; ++i) {
    const std::string text = random_number(random);
    if (text.find("nan") == std::string::npos && text.find("inf") == std::string::npos) same(text);
  }
  for (int i = 0; i < 300'000; ++i) {
    // Halfway between two floats, or some doubles beside it.
    const auto magnitude = std::bit_cast<double>(uint64_t{1023 - 40 + random() % 80} << 52);
    const double half = magnitude * (1.0 + (static_cast<double>(random() % (1 << 23)) + 0.5) * 0x1p-23);
    const auto beside = static_cast<int64_t>(random() % 41) - 20;
    const auto bits = std::bit_cast<uint64_t>(half) + static_cast<uint64_t>(beside);
    char text[64];
    std::snprintf(text, sizeof text, "%.*g", 16 + static_cast<int>(random() % 4), std::bit_cast<double>(bits));
    same(text);
  }
}

TEST("json: a short number is the same double, and is left to the other reader where it is none") {
  std::mt19937_64 random(23);
  size_t short_ones = 0;
  const auto same = [&](const std::string& text, const std::string& tail) {
    const Text body(text + tail);
    const char* at = body.bytes.data();
    const char* at_short = at;
    const char* const end = at + body.bytes.size();
    double value = 0, exact = 0;
    json::ShortNumber number;
    if (!json::scan_short(at_short, end, number)) return;
    value = json::to_double(number);
    const float narrow = json::to_float(number), expected = static_cast<float>(value);
    CLAIM(std::memcmp(&narrow, &expected, 4) == 0);
    ++short_ones;
    const bool is_same = json::read_number(at, end, exact) && std::memcmp(&value, &exact, 8) == 0 && at == at_short;
    if (!is_same) std::printf("  %s\n", (text + tail).c_str());
    CLAIM(is_same);
  };
  const std::string far(30, ' ');
  for (int i = 0; i < 300'000; ++i) {
    char text[64];
    const auto whole = static_cast<unsigned long long>(random() >> (random() % 64));
    std::snprintf(text, sizeof text, "%s%llu.%0*llu", random() % 2 == 0 ? "-" : "", whole % 100'000'000,
                  1 + static_cast<int>(random() % 9),
                  static_cast<unsigned long long>(random() >> (30 + random() % 30)));
    same(text, far);
    same(std::to_string(whole), ",1234567" + far);
    same(random_number(random), "]" + far);
  }
  CLAIM(short_ones > 100'000);
  // Halfway between two floats, and beside it.
  for (int i = 0; i < 300'000; ++i) {
    const auto magnitude = std::ldexp(1.0 + (static_cast<double>(random() % (1 << 23)) + 0.5) * 0x1p-23,
                                      static_cast<int>(random() % 34) - 10);
    char text[64];
    std::snprintf(text, sizeof text, "%.*f", static_cast<int>(random() % 15), magnitude);
    same(text, far);
  }
  for (const char* text :
       {"", "-", "01", "-00.5", "1.", ".5", "1.e2", "1e5", "1.5E5", "--1", "12345678", "1.12345678901234"}) {
    const Text body(text + far);
    const char* at = body.bytes.data();
    json::ShortNumber number;
    CLAIM(!json::scan_short(at, at + body.bytes.size(), number) && at == body.bytes.data());
  }
}

TEST("json: an integer is exact in every form, and what is wrong is said") {
  const auto fit = [](const std::string& text, auto& value) {
    const Text body(text);
    const char* at = body.bytes.data();
    const json::NumberFit found = json::fit_integer(at, at + body.bytes.size(), value);
    CLAIM(found == json::NumberFit::kNone ? at == body.bytes.data() : at == body.bytes.data() + body.bytes.size());
    return found;
  };
  int64_t wide = 0;
  uint64_t count = 0;
  CLAIM(fit("9223372036854775807.000", wide) == json::NumberFit::kFits && wide == INT64_MAX);
  CLAIM(fit("-922337203685477580.8e1", wide) == json::NumberFit::kFits && wide == INT64_MIN);
  CLAIM(fit("1" + std::string(100'000, '0') + "e-100000", wide) == json::NumberFit::kFits && wide == 1);
  CLAIM(fit("0." + std::string(2'000'000, '0') + "7e2000001", wide) == json::NumberFit::kFits && wide == 7);
  CLAIM(fit("0e999999999999999999999", wide) == json::NumberFit::kFits && wide == 0);
  CLAIM(fit("18446744073709551615", count) == json::NumberFit::kFits && count == UINT64_MAX);
  CLAIM(fit("18446744073709551616", count) == json::NumberFit::kAbove && fit("-1", count) == json::NumberFit::kBelow);
  CLAIM(fit("-9223372036854775809", wide) == json::NumberFit::kBelow && fit("1e19", wide) == json::NumberFit::kAbove);
  CLAIM(fit("1.0000000000000000000000001", wide) == json::NumberFit::kFraction);
  CLAIM(fit("1e-1", wide) == json::NumberFit::kFraction && fit("x", wide) == json::NumberFit::kNone);
}

TEST("json: strings are checked throughout and decoded within their room") {
  const auto decoded = [](const std::string& text, size_t room) {
    const Text body("\"" + text + "\"");
    Cursor cursor = body.cursor();
    json::StringText string;
    CLAIM(json::scan_string(cursor, string) == BodyFault::kNone && cursor.at == cursor.end && string.raw == text);
    std::vector<char> target(room);
    const json::Decoded found = json::decode_string(string.raw, target.data(), room);
    return std::string(target.data(), found.bytes);
  };
  CLAIM(decoded(R"(a\"\\\/\b\f\n\r\t\u0041\u00e4\u20ac\ud83d\ude00z)", 64) ==
        "a\"\\/\b\f\n\r\tA\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80z");
  CLAIM(decoded(R"(\ud83dx)", 8) == "\xef\xbf\xbdx" && decoded(R"(\ude00\ud83d)", 8) == "\xef\xbf\xbd\xef\xbf\xbd");
  CLAIM(decoded("abc\xc3\xa4", 4) == "abc" && decoded(R"(ab\u20ac)", 4) == "ab" && decoded(R"(ab\n)", 3) == "ab\n");
  for (size_t length = 0; length < 70; ++length) {
    const std::string plain(length, 'p');
    CLAIM(decoded(plain, length) == plain && decoded(plain + "\xc3\xa4", length + 2) == plain + "\xc3\xa4");
    for (const char* const wrong : {"\x01\"", "\\x\"", "\xff\"", "\\u12\"", "\xc3\"", ""}) {
      const Text body("\"" + plain + wrong);
      Cursor cursor = body.cursor();
      json::StringText string;
      CLAIM(json::scan_string(cursor, string) != BodyFault::kNone);
      CLAIM(cursor.at == body.bytes.data() + 1 + length);
    }
  }
}

TEST("json: digits are read whole at every length and every distance from the end") {
  const std::string digits = "1234567890123456789";
  for (size_t length = 1; length <= digits.size(); ++length) {
    for (const char* const tail :
         {"", ",", ",12345678", "]", "e0", ".5", ".12345678901", "x", "/", ":", "\xff\xff\xff"}) {
      const Text body(digits.substr(0, length) + tail);
      const char* at = body.bytes.data();
      uint64_t mantissa = 0;
      const char* const behind = json::detail::read_digits(at, at + body.bytes.size(), mantissa);
      CLAIM(static_cast<size_t>(behind - at) == length && mantissa == std::stoull(digits.substr(0, length)));
    }
  }
}

TEST("json: what RFC 8259 has no number for is none") {
  for (const char* text : {"",    "-",        "+1",  ".5",    "5.",  "1.e3", "1e",    "1e+", "01",    "-01",  "0x1",
                           "NaN", "Infinity", "- 1", "1e400", "--1", "1..2", "\"1\"", "nul", "nulls", "Null", "1 2"})
    CLAIM(!reads(text, Dtype::kFloat64));
  for (const char* text : {"0", "-0", "0.0", "1e5", "1E+5", "1e-5", "123456789012345678901234567890", " 7 "})
    CLAIM(reads(text, Dtype::kFloat64));
  CLAIM(std::signbit(value_of<float>("-0", Dtype::kFloat32)));
}

TEST("json: each dtype takes its range and nothing beyond it") {
  CLAIM(value_of<int8_t>("-128", Dtype::kInt8) == -128 && !reads("128", Dtype::kInt8) && !reads("1.5", Dtype::kInt8));
  CLAIM(value_of<uint8_t>("2.55e2", Dtype::kUint8) == 255 && !reads("-1", Dtype::kUint8));
  CLAIM(value_of<int32_t>("-2147483648", Dtype::kInt32) == INT32_MIN && !reads("2147483648", Dtype::kInt32));
  CLAIM(value_of<uint32_t>("4294967295", Dtype::kUint32) == UINT32_MAX && !reads("4294967296", Dtype::kUint32));
  CLAIM(value_of<int64_t>("-9223372036854775808", Dtype::kInt64) == INT64_MIN);
  CLAIM(value_of<uint64_t>("18446744073709551615", Dtype::kUint64) == UINT64_MAX);
  CLAIM(!reads("18446744073709551616", Dtype::kUint64) && !reads("1.0", Dtype::kInt64) && !reads("1e2", Dtype::kInt64));
  CLAIM(!reads("01", Dtype::kInt64) && !reads("-", Dtype::kInt64) && !reads("+1", Dtype::kInt64));
  CLAIM(value_of<float>("3.4028235e38", Dtype::kFloat32) == 3.4028235e38f && !reads("3.5e38", Dtype::kFloat32));
  CLAIM(value_of<uint16_t>("65504", Dtype::kFloat16) == 0x7bff && !reads("65520", Dtype::kFloat16));
  CLAIM(value_of<uint16_t>("-1.5", Dtype::kBfloat16) == 0xbfc0 && value_of<uint16_t>("5e-8", Dtype::kFloat16) == 1);
  CLAIM(value_of<uint8_t>("true", Dtype::kBool) == 1 && value_of<uint8_t>("0", Dtype::kBool) == 0);
  CLAIM(!reads("2", Dtype::kBool) && !reads("tru", Dtype::kBool) && !reads("true", Dtype::kFloat32));
}

TEST("json: a nest has dims, and a ragged one is none") {
  Elements elements;
  Nest nest;
  CLAIM(reads("[ [1, 2,3] ,\n[4,5,6] ]", Dtype::kFloat32, elements, nest));
  CLAIM(nest.rank == 2 && nest.dims[0] == 2 && nest.dims[1] == 3 && nest.count == 6 && nest.arrays == 3);
  CLAIM(reads("[[[1]],[[2]]]", Dtype::kInt32, elements, nest) && nest.rank == 3 && nest.dims[2] == 1);
  for (const char* text : {"[]", "[[]]", "[[1],[]]", "[[1],[2,3]]", "[[1],2]", "[1,[2]]", "[1,]", "[,1]", "[1 2]", "[1",
                           "[[1]", "[1]]", "[[[1]],[2]]", "]", "[", "[nul]", "[null,]", "[\"1\"]", "{}"})
    CLAIM(!reads(text, Dtype::kFloat32));
  CLAIM(!reads("[1,2,3]", Dtype::kFloat32, elements, nest, 2) && reads("[1,2]", Dtype::kFloat32, elements, nest, 2));
}

TEST("json: null is a missing float, with the bits that a narrowing of NaN has, and no other dtype's") {
  CLAIM(std::isnan(value_of<float>("null", Dtype::kFloat32)));
  CLAIM(std::isnan(value_of<double>("[null]", Dtype::kFloat64)));
  CLAIM(value_of<uint16_t>("null", Dtype::kFloat16) == 0x7e00);
  CLAIM(value_of<uint16_t>("null", Dtype::kBfloat16) == 0x7fc0);
  Elements elements;
  Nest nest;
  CLAIM(reads("[[1, null ],[null,4]]", Dtype::kFloat32, elements, nest) && nest.count == 4);
  const auto* const values = reinterpret_cast<const float*>(elements.data());
  CLAIM(values[0] == 1 && std::isnan(values[1]) && std::isnan(values[2]) && values[3] == 4);
  for (const Dtype dtype : {Dtype::kInt8, Dtype::kUint8, Dtype::kInt16, Dtype::kUint16, Dtype::kInt32, Dtype::kUint32,
                            Dtype::kInt64, Dtype::kUint64, Dtype::kBool})
    CLAIM(!reads("[1,null]", dtype));
}

TEST("json: nesting beyond the rank is refused, however deep") {
  const auto nested = [](size_t depth) {
    std::string text(2 * depth + 1, '[');
    text[depth] = '1';
    std::fill(text.begin() + static_cast<ptrdiff_t>(depth) + 1, text.end(), ']');
    return text;
  };
  CLAIM(reads(nested(16), Dtype::kFloat32) && !reads(nested(17), Dtype::kFloat32));
  CLAIM(!reads(std::string(1 << 20, '['), Dtype::kFloat32));
}

TEST("json: mutated bodies never read beyond their end") {
  std::mt19937_64 random(11);
  const std::string alphabet = "[]{},:.-+eE0123456789 \ntrufalsn\"\\";
  for (int i = 0; i < 200'000; ++i) {
    std::string text = "[[0.123456789012345,1e-7,-3],[12345678.87654321,1,2e2]]";
    for (size_t change = random() % 6; change > 0; --change) {
      const size_t at = random() % text.size();
      const char letter = alphabet[random() % alphabet.size()];
      if (random() % 3 == 0)
        text.erase(at, 1 + random() % 3);
      else if (random() % 2 == 0)
        text.insert(at, 1, letter);
      else
        text[at] = letter;
      if (text.empty()) text.push_back('[');
    }
    text.resize(random() % 4 == 0 ? random() % (text.size() + 1) : text.size());
    const auto dtype = static_cast<Dtype>(random() % 17);
    if (dtype_size_bytes(dtype) > 0) static_cast<void>(reads(text, dtype));
  }
}

TEST("json: what is printed reads back to the same bits") {
  std::mt19937_64 random(13);
  for (int i = 0; i < 200'000; ++i) {
    const auto narrow = std::bit_cast<float>(static_cast<uint32_t>(random()));
    const auto wide = std::bit_cast<double>(random());
    if (std::isfinite(narrow)) {
      const float back = std::strtof(printed(static_cast<double>(narrow), true).c_str(), nullptr);
      CLAIM(std::memcmp(&back, &narrow, 4) == 0);
    }
    if (std::isfinite(wide)) {
      const double back = std::strtod(printed(wide, false).c_str(), nullptr);
      CLAIM(std::memcmp(&back, &wide, 8) == 0);
    }
  }
}

TEST("json: numbers are laid out as JavaScript lays them out") {
  const struct {
    double value;
    const char* text;
  } rows[] = {{0, "0"},           {-0.0, "-0"},         {1, "1"},
              {-1.5, "-1.5"},     {1e21, "1e+21"},      {1e20, "100000000000000000000"},
              {1e-6, "0.000001"}, {1e-7, "1e-7"},       {1.25e-7, "1.25e-7"},
              {123456, "123456"}, {1234567, "1234567"}, {0.1, "0.1"}};
  for (const auto& row : rows) CLAIM(printed(row.value, false) == row.text);
  CLAIM(printed(static_cast<double>(0.1f), true) == "0.1");
  CLAIM(printed(static_cast<double>(16777216.f), true) == "16777216");
  CLAIM(printed(static_cast<double>(3.4028235e38f), true) == "3.4028235e+38");
  CLAIM(printed(static_cast<double>(1e-45f), true) == "1e-45");
  CLAIM(printed(std::nan(""), true) == "null" && printed(-INFINITY, false) == "null");
}

TEST("json: a tensor is printed in its dims, empty ones too") {
  const int32_t values[] = {1, -2, 3, 4, 5, 6};
  const auto text_of = [&](const std::vector<int64_t>& dims) {
    std::string text(json::nest_characters(dims), ' ');
    const char* const end =
        json::print_nest(reinterpret_cast<const std::byte*>(values), Dtype::kInt32, dims, 0, text.data());
    CLAIM(end <= text.data() + text.size());
    text.resize(static_cast<size_t>(end - text.data()));
    return text;
  };
  CLAIM(text_of({2, 3}) == "[[1,-2,3],[4,5,6]]" && text_of({6}) == "[1,-2,3,4,5,6]" && text_of({}) == "1");
  CLAIM(text_of({2, 0}) == "[[],[]]" && text_of({0}) == "[]" && text_of({0, 3}) == "[]");
}

int main() {
  return penstock::testing::run_all();
}

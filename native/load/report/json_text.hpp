// Prints the lines of JSON that the generator emits: small objects, written in order, without a tree.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace penstock::load {

class JsonText {
 public:
  JsonText& key(std::string_view name) {
    comma();
    quote(name);
    text_ += ':';
    is_first_ = true;
    return *this;
  }
  JsonText& open(char bracket) {
    comma();
    text_ += bracket;
    is_first_ = true;
    return *this;
  }
  JsonText& close(char bracket) {
    text_ += bracket;
    is_first_ = false;
    return *this;
  }
  JsonText& text(std::string_view value) {
    comma();
    quote(value);
    return *this;
  }
  JsonText& boolean(bool value) { return raw(value ? "true" : "false"); }
  JsonText& integer(uint64_t value) { return raw(std::to_string(value)); }
  JsonText& signed_integer(int64_t value) { return raw(std::to_string(value)); }
  JsonText& number(double value, int digits) {
    char digits_text[64];
    const int size = std::snprintf(digits_text, sizeof digits_text, "%.*f", digits, std::isfinite(value) ? value : 0.0);
    return raw({digits_text, static_cast<size_t>(size)});
  }
  const std::string& line() {
    text_ += '\n';
    return text_;
  }

 private:
  void comma() {
    if (!is_first_) text_ += ',';
    is_first_ = false;
  }
  JsonText& raw(std::string_view value) {
    comma();
    text_ += value;
    return *this;
  }
  void quote(std::string_view value) {
    text_ += '"';
    for (const char character : value) {
      const auto code = static_cast<unsigned char>(character);
      if (character == '"' || character == '\\') text_ += '\\';
      // What a server said may be cut in the middle of a character: only ASCII is sure to be text.
      text_ += code < 0x20 || code >= 0x7f ? ' ' : character;
    }
    text_ += '"';
  }

  std::string text_;
  bool is_first_ = true;
};

}  // namespace penstock::load

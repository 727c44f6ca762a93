// Finds the few things of a JSON answer that a generator compares, without building a tree. It follows strings and
// brackets, so a name inside a string is no key and a bracket inside one does not count; it does not judge whether the
// rest is JSON. Views point into the answer and live as long as it.
#pragma once

#include <cstddef>
#include <string_view>

namespace penstock::load::json {

// Where the value of the first key `name` at any depth begins; npos when there is none.
size_t find_key(std::string_view json, std::string_view name) noexcept;
// The value of key `name` when it is an integer >= 0.
bool find_integer(std::string_view json, std::string_view name, size_t& value) noexcept;
// The characters of the string at key `name`, escapes left as they are; empty when absent.
std::string_view text_of(std::string_view json, std::string_view name) noexcept;

// The objects of the array at key `name`.
class ObjectsOfArray {
 public:
  ObjectsOfArray(std::string_view json, std::string_view name) noexcept;
  bool next(std::string_view& object) noexcept;

 private:
  std::string_view json_;
  size_t position_;
};

// The scalars of one value, however its arrays are nested: "[[1, 2], [3]]" is 1, 2, 3 and "5" is 5.
class Numbers {
 public:
  explicit Numbers(std::string_view text) noexcept : text_(text) {}
  bool next(std::string_view& token) noexcept;
  // All brackets were closed again. After the last scalar.
  bool is_whole() const noexcept { return is_whole_; }
  // Behind the value, after the last scalar.
  size_t position() const noexcept { return position_; }

 private:
  std::string_view text_;
  size_t position_ = 0;
  size_t depth_ = 0;
  bool is_started_ = false;
  bool is_whole_ = false;
};

}  // namespace penstock::load::json

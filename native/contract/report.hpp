// What was found wrong with the rows of one request: how often by field and outcome, and the first of it by place, rule
// and text. The sentences are written in TypeScript. Memory: the owner's, kept from request to request, bounded by the
// numbers of boundary.json whatever a caller sends.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <tuple>
#include <vector>

#include "contract/row_spec.hpp"
#include "core/boundary_codes.hpp"
#include "core/utf8.hpp"

namespace penstock::contract {
// The beginning of a text, cut at a character.
struct ShortText {
  uint8_t bytes = 0;
  bool is_cut = false;
  std::array<char, kContractTextBytesMax> text;

  void set(std::string_view whole) noexcept {
    size_t length = std::min(whole.size(), text.size());
    is_cut = length < whole.size();
    if (is_cut)
      while (length > 0 && is_utf8_tail(whole[length])) --length;
    bytes = static_cast<uint8_t>(length);
    if (length > 0) std::memcpy(text.data(), whole.data(), length);
  }
  std::string_view view() const noexcept { return {text.data(), bytes}; }
};

struct Problem {
  static constexpr int32_t kNoField = -1;    // a field that the contract does not have: `text` is its name
  static constexpr int32_t kNoElement = -1;  // all that the row has of the field

  uint32_t row = 0;  // of the request, as it came
  int32_t field = kNoField;
  int32_t element = kNoElement;  // among the values of the row
  ContractRule rule = ContractRule::kType;
  OnInvalid outcome = OnInvalid::kReject;
  ShortText text;  // the value as it stands in the body, or as JSON would have it; empty: there is none
};

// The first kContractRowProblemsMax, and how many there were.
struct ProblemList {
  std::vector<Problem> first;
  uint64_t count = 0;
};

class Report {
 public:
  // By OnInvalid.
  using Counts = std::array<uint64_t, kOnInvalidCount>;

  explicit Report(const RowSpec& spec) : spec_(spec), counts_(spec.fields().size()) {}
  void clear() noexcept {
    for (ProblemList* const list : {&rejected_, &mended_}) {
      list->first.clear();
      list->count = 0;
    }
    if (is_counted_) counts_.assign(counts_.size(), Counts{});
    is_counted_ = false;
    extra_names_.clear();
    extra_count_ = 0;
  }

  // Counts a value that breaks `rule`. Returns where its text belongs; null: it is not told.
  Problem* add(uint32_t row, uint32_t field, int32_t element, ContractRule rule, OnInvalid outcome) {
    is_counted_ = true;
    ++counts_[field][static_cast<size_t>(outcome)];
    return add_to(outcome == OnInvalid::kReject ? rejected_ : mended_, row, static_cast<int32_t>(field), element, rule,
                  outcome);
  }
  // Counts a field that the contract does not have.
  void add_extra(uint32_t row, std::string_view name) {
    ++extra_count_;
    if (spec_.extra() == ExtraFields::kReject) {
      Problem* const problem =
          add_to(rejected_, row, Problem::kNoField, Problem::kNoElement, ContractRule::kExtra, OnInvalid::kReject);
      if (problem != nullptr) problem->text.set(name);
    } else {
      keep_name(name);
    }
  }

  // By row, then in the order of the fields: rules are not asked in that order.
  void sort() noexcept {
    const auto place = [](const Problem& problem) {
      return std::tuple(problem.row, problem.field, problem.element, problem.rule);
    };
    for (ProblemList* const list : {&rejected_, &mended_})
      std::sort(list->first.begin(), list->first.end(),
                [&](const Problem& a, const Problem& b) { return place(a) < place(b); });
  }

  // The request is refused for these.
  const ProblemList& rejected() const noexcept { return rejected_; }
  // Those that were flagged, clamped, imputed or dropped.
  const ProblemList& mended() const noexcept { return mended_; }
  const Counts& counts(uint32_t field) const noexcept { return counts_[field]; }
  // Once each, unless all extra fields are rejected.
  const std::vector<ShortText>& extra_names() const noexcept { return extra_names_; }
  uint64_t extra_count() const noexcept { return extra_count_; }

 private:
  static Problem* add_to(ProblemList& list, uint32_t row, int32_t field, int32_t element, ContractRule rule,
                         OnInvalid outcome) {
    ++list.count;
    if (list.first.size() == kContractRowProblemsMax) return nullptr;
    Problem& problem = list.first.emplace_back();
    problem.row = row;
    problem.field = field;
    problem.element = element;
    problem.rule = rule;
    problem.outcome = outcome;
    problem.text.bytes = 0;
    problem.text.is_cut = false;
    return &problem;
  }

  // Rows have the same extra fields in the same order, so the one behind the last is asked first.
  void keep_name(std::string_view name) {
    ShortText short_name;
    short_name.set(name);
    for (size_t i = 0; i < extra_names_.size(); ++i) {
      next_name_ = next_name_ + 1 < extra_names_.size() ? next_name_ + 1 : 0;
      if (extra_names_[next_name_].view() == short_name.view()) return;
    }
    if (extra_names_.size() == kContractExtrasMax) return;
    extra_names_.push_back(short_name);
    next_name_ = extra_names_.size() - 1;
  }

  const RowSpec& spec_;
  ProblemList rejected_;
  ProblemList mended_;
  std::vector<Counts> counts_;
  bool is_counted_ = false;
  std::vector<ShortText> extra_names_;
  size_t next_name_ = 0;
  uint64_t extra_count_ = 0;
};
}  // namespace penstock::contract

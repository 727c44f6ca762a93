// Whether the columns of a log fit the plan whose requests it writes.
#include "log/row_log.hpp"

namespace penstock {
// What the log reads stays until the request is completed; a size that could differ from the column's would be a wild
// copy.
std::string RowLog::bind(Plan& plan) const {
  for (const LogColumn& column : options.columns) {
    if (column.kind == ColumnKind::kAnomaly && column.check >= plan.checks.size())
      return "a column's check is out of range";
    if (column.kind == ColumnKind::kKey && column.check >= options.keys.size()) return "a column's key is out of range";
    if (column.kind == ColumnKind::kElapsed && column.elements != plan.stages.size() + 1)
      return "the column of times needs one more element than there are stages";
    if (column.kind != ColumnKind::kTensor && column.kind != ColumnKind::kShape) continue;
    if (auto fault = check_source(plan, column.source, plan.stages.size()); !fault.empty()) return fault;
    plan.keep_in_cache(column.source);
    const Position& position = plan.stages[column.source.stage].positions[column.source.position];
    if (position.is_background && column.kind == ColumnKind::kTensor && !column.is_nullable)
      return "a column of a background position may lack rows";
    for (size_t o = 0; o < position.options.size(); ++o) {
      const Field& field = fields_of(position.options[o], column.source.side)[column.source.slots[o]];
      if (column.kind == ColumnKind::kShape && column.elements != field.dims.size())
        return "a column of shapes needs one element per dim";
      if (column.kind == ColumnKind::kShape || column.elements == 0) continue;
      const auto bytes = row_bytes_of(field.dtype, field.dims);
      if (field.is_static() && (!bytes || *bytes != column.elements * dtype_size_bytes(field.dtype)))
        return "a column of fixed size does not fit its tensor";
    }
    if (column.source.stage + 1u < plan.stages.size()) plan.stages[column.source.stage].is_retained = true;
  }
  return "";
}
}  // namespace penstock

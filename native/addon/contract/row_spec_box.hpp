// What JavaScript holds of a contract, and of a pipeline whose rows go by it without JavaScript.
#pragma once
#include <memory>

#include "addon/handles.hpp"
#include "contract/column_reader.hpp"
#include "contract/row_reader.hpp"

namespace penstock::addon {
// A spec with what reads by it on this isolate's thread.
struct RowSpecBox {
  static constexpr napi_type_tag kTag{0x6f1d94c7a2e8035b, 0x2b95e06d7fc1a834};
  static constexpr const char* kName = "row spec";
  std::shared_ptr<const contract::RowSpec> spec;
  std::unique_ptr<contract::RowReader> rows;
  std::unique_ptr<contract::ColumnReader> columns;
  bool is_closed = false;
};

struct RowsFormBox {
  static constexpr napi_type_tag kTag{0x51c8e3f9b06d27a4, 0xd4720a9f6e81bc35};
  static constexpr const char* kName = "rows form";
  std::shared_ptr<json::RowsForm> form;
  bool is_closed = false;
};
}  // namespace penstock::addon

// The W3C trace context of a request, which is keys of its meta: what src/protocol/trace-context.ts says of it, for the
// frames that JavaScript has not written. test/logs/trace-context.test.ts holds the two together.
//
//   00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
//   version  trace-id                   parent-id      flags
//
// Source: https://www.w3.org/TR/trace-context/, sections 3.2 (traceparent), 3.3 (tracestate), 4.3 (versions to come).
#pragma once
#include <cstddef>
#include <string_view>

namespace penstock {
inline constexpr std::string_view kTraceParentKey = "traceparent";
inline constexpr std::string_view kTraceStateKey = "tracestate";
// The four parts of a traceparent. A later version may have more behind them, which are cut off.
inline constexpr size_t kTraceParentBytes = 55;

// Whether the first kTraceParentBytes bytes are a traceparent, and what follows them may follow.
bool is_trace_parent(std::string_view text) noexcept;
// Neither empty nor longer than TRACE_STATE_CHARACTERS_MAX.
bool is_trace_state(std::string_view text) noexcept;
}  // namespace penstock

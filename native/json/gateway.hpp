// JSON over HTTP for pipelines that run natively: a body in, one call; answers out, many at a time.
//
//   body ─ receive ─► read, admitted, appended            (one crossing per request; see body.hpp)
//   finished requests ─ collect ─► printed into the outbox, one event each, however many one drain finds
//
// Sockets stay in JavaScript: an Exchange has its number there. Every request that `receive` admits is completed
// exactly once, answered or failed, whether or not its caller is still there. Thread: the port's.
#pragma once
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "core/block.hpp"
#include "json/body.hpp"
#include "json/rows_form.hpp"

namespace penstock::json {
// What JavaScript knows of a request before its body is read.
struct Exchange {
  uint32_t number = 0;
  MetaView meta;                // the caller's id, where it gave one
  uint64_t request_number = 0;  // of the engine; the last part of request_id
};

class Gateway {
 public:
  static constexpr size_t kOutboxBytes = size_t{1} << 20;

  explicit Gateway(Port& port);

  // kLeft: for the path in TypeScript, nothing was done. kRefused: with the reason in `failure`.
  enum class Receipt : uint8_t { kAdmitted, kLeft, kRefused };
  struct Received {
    Receipt receipt = Receipt::kLeft;
    Request* request = nullptr;
  };
  Received receive(Pipeline& pipeline, const Exchange& exchange, std::string_view body, Failure& failure);
  // The same under a plan of the pipeline that the caller has looked at; with none it is left.
  Received receive(Pipeline& pipeline, std::shared_ptr<Plan> plan, const Exchange& exchange, std::string_view body,
                   Failure& failure);
  // The same for rows by the names of a contract; the form is kept until the request has ended.
  Received receive_rows(Pipeline& pipeline, const Exchange& exchange, const std::shared_ptr<RowsForm>& form,
                        std::string_view body, Failure& failure);

  // An answer that is ready. kPrinted: it lies at `offset` of the outbox, and the caller drops the answer's reference.
  // kFailed: the reason is emitted instead. kNoRoom: nothing was done; drain again. kLarge: more than a millisecond's
  // work for the thread that serves everybody, so the transport prints it in parts, from a copy.
  enum class Answer : uint8_t { kPrinted, kFailed, kNoRoom, kLarge };
  Answer collect(Request& request, size_t& offset, size_t& bytes);

  void reset_outbox() noexcept;
  const std::shared_ptr<Block>& outbox() const noexcept { return outbox_; }

 private:
  // What is known of a request of rows until it is answered, by the number of its exchange.
  struct RowsExchange {
    std::shared_ptr<RowsForm> form;  // null: the exchange has none
    Echoes echoes;

    void end() noexcept {
      form.reset();
      echoes.trim();
    }
  };

  Received submit_read(Pipeline& pipeline, std::shared_ptr<Plan> plan, const Exchange& exchange, Submission& submission,
                       Failure& failure);
  RowsExchange* rows_of(uint32_t exchange) noexcept;
  Answer collect_rows(Request& request, RowsExchange& rows, size_t& offset, size_t& bytes);

  Port& port_;
  Body body_;
  std::vector<RowsExchange> rows_;
  std::shared_ptr<Block> outbox_;
  size_t outbox_used_ = 0;
};
}  // namespace penstock::json

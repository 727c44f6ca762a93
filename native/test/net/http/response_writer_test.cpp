// Heads of responses: what stands in them for every kind of request, and what is never let into one.
#include "net/http/response_writer.hpp"

#include <string>

#include "test/testing.hpp"

namespace {
using penstock::net::BodyForm;
using penstock::net::ResponseContext;
using penstock::net::ResponseWriter;

constexpr ResponseContext kPlain{false, 1, true};
constexpr ResponseContext kHead{true, 1, true};
constexpr ResponseContext kOld{false, 0, false};

TEST("a response with a length") {
  std::string out = "before ";
  ResponseWriter response(out, kPlain, 200);
  CLAIM(response.header("content-type", "application/json"));
  CLAIM(response.end_head_with_length(12) == BodyForm::kPlain);
  CLAIM(!response.closes());
  CLAIM(out == "before HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 12\r\n\r\n");
}

TEST("HEAD gets the length of what it does not get") {
  std::string out;
  CLAIM(ResponseWriter(out, kHead, 200).end_head_with_length(12) == BodyForm::kNone);
  CLAIM(out == "HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n");
  out.clear();
  CLAIM(ResponseWriter(out, kHead, 200).end_head_chunked() == BodyForm::kNone);
  CLAIM(out == "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
}

TEST("204 and 304 have neither a body nor its length") {
  for (const int status : {204, 304}) {
    std::string out;
    CLAIM(ResponseWriter(out, kPlain, status).end_head_with_length(0) == BodyForm::kNone);
    CLAIM(out.find("content-length") == std::string::npos);
    CLAIM(ResponseWriter(out, kPlain, status).end_head_chunked() == BodyForm::kNone);
    CLAIM(out.find("transfer-encoding") == std::string::npos);
  }
}

TEST("a response in parts is chunked, and of HTTP/1.0 ends with its connection") {
  std::string out;
  CLAIM(ResponseWriter(out, kPlain, 200).end_head_chunked() == BodyForm::kChunked);
  penstock::net::append_chunk_head(out, 26);
  out.append("abcdefghijklmnopqrstuvwxyz").append(penstock::net::kChunkEnd).append(penstock::net::kLastChunk);
  CLAIM(out == "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1a\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\n");
  out.clear();
  ResponseWriter old(out, {false, 0, true}, 200);
  CLAIM(old.end_head_chunked() == BodyForm::kUntilClose);
  CLAIM(old.closes());
  CLAIM(out == "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n");
}

TEST("the connection header says what the version does not") {
  std::string out;
  CLAIM(ResponseWriter(out, {false, 1, false}, 200).end_head_with_length(0) == BodyForm::kPlain);
  CLAIM(out.find("connection: close\r\n") != std::string::npos);
  out.clear();
  CLAIM(ResponseWriter(out, kOld, 200).end_head_with_length(0) == BodyForm::kPlain);
  CLAIM(out.find("connection: close\r\n") != std::string::npos);
  out.clear();
  CLAIM(ResponseWriter(out, {false, 0, true}, 200).end_head_with_length(0) == BodyForm::kPlain);
  CLAIM(out.find("connection: keep-alive\r\n") != std::string::npos);
}

TEST("no value begins a line of its own, and nothing of such a response is left") {
  const auto is_refused = [](std::string_view name, std::string_view value) {
    std::string out = "before";
    ResponseWriter response(out, kPlain, 200);
    if (response.header(name, value)) return false;
    return response.end_head_with_length(0) == BodyForm::kRefused && out == "before";
  };
  CLAIM(is_refused("x", "a\r\nset-cookie: b"));
  CLAIM(is_refused("x", "a\nb"));
  CLAIM(is_refused("x", "a\rb"));
  CLAIM(is_refused("x", std::string_view("a\0b", 3)));
  CLAIM(is_refused("x", "a long value with a control byte at its end \x7F"));
  CLAIM(is_refused("x\r\ny", "a"));
  CLAIM(is_refused("x y", "a"));
  CLAIM(is_refused("x:", "a"));
  CLAIM(is_refused("", "a"));
  CLAIM(is_refused("Content-Length", "5"));
  CLAIM(is_refused("transfer-encoding", "chunked"));
  CLAIM(is_refused("connection", "close"));
  std::string out;
  CLAIM(ResponseWriter(out, kPlain, 200).header("x", "tab\tand \xC3\xA9"));
}

TEST("every fault is a whole response that closes, with the sentence in the product's form") {
  for (size_t index = 1; index < penstock::net::kHttpFaultCount; ++index) {
    const auto fault = static_cast<penstock::net::HttpFault>(index);
    const penstock::net::HttpFaultInfo& info = penstock::net::http_fault_info(fault);
    std::string out;
    penstock::net::append_fault_response(out, fault);
    const std::string line = "HTTP/1.1 " + std::to_string(info.status) + " ";
    CLAIM(out.starts_with(line));
    CLAIM(penstock::net::reason_phrase(info.status) != "Unknown");
    CLAIM(out.find("\r\nconnection: close\r\n") != std::string::npos);
    const size_t body = out.find("\r\n\r\n") + 4;
    CLAIM(out.find("content-length: " + std::to_string(out.size() - body) + "\r\n") != std::string::npos);
    CLAIM(out.substr(body) == std::string("{\"error\":\"") + info.sentence + "\",\"code\":\"" + info.code + "\"}\n");
    for (const char character : std::string_view{info.sentence})
      CLAIM(character >= ' ' && character < 0x7F && character != '"' && character != '\\');
    CLAIM(std::string_view{info.sentence}.starts_with("Expected "));
  }
}
}  // namespace

int main() {
  return penstock::testing::run_all();
}

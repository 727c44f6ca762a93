// The parser of requests and bodies by a table: what a client sends, and what becomes of it. Every case is fed whole,
// byte by byte, and cut at random; the outcome must be the same.
#include "net/http/request_parser.hpp"

#include <array>
#include <cstdio>
#include <string>

#include "fuzz/http_session.hpp"
#include "test/testing.hpp"

namespace {
using penstock::net::HttpLimits;

struct Case {
  std::string sent;
  std::string expected;
};

constexpr size_t kRandomCuts = 20;

void claim_outcome(const Case& tried, const HttpLimits& limits = {}) {
  const auto claim = [&](size_t piece_bytes_max, uint64_t seed) {
    const std::string outcome = penstock::fuzz::http_outcome(tried.sent, limits, piece_bytes_max, seed);
    if (outcome == tried.expected) return true;
    std::printf("sent:\n%s\nexpected: %s\nreceived: %s\npieces of at most %zu bytes, seed %llu\n", tried.sent.c_str(),
                tried.expected.c_str(), outcome.c_str(), piece_bytes_max, static_cast<unsigned long long>(seed));
    return false;
  };
  CLAIM(claim(0, 0));
  if (tried.sent.size() < 5000) CLAIM(claim(1, 0));
  for (uint64_t seed = 1; seed <= kRandomCuts; ++seed) CLAIM(claim(1 + tried.sent.size() / 2, seed));
}

template <size_t kCount>
void claim_outcomes(const Case (&cases)[kCount], const HttpLimits& limits = {}) {
  for (const Case& tried : cases) claim_outcome(tried, limits);
}

// A request with these header lines, each with its line end.
std::string get(const std::string& lines) {
  return "GET / HTTP/1.1\r\nHost: h\r\n" + lines + "\r\n";
}
std::string post(const std::string& lines, const std::string& body) {
  return "POST / HTTP/1.1\r\nHost: h\r\n" + lines + "\r\n" + body;
}
std::string chunked(const std::string& body) {
  return post("Transfer-Encoding: chunked\r\n", body);
}
const std::string kChunkedHead = "POST / 1.1 host=h chunked keep | Transfer-Encoding=chunked | ";

TEST("request lines: methods, targets and versions as they are sent") {
  claim_outcomes({
      {"GET / HTTP/1.1\r\nHost: h\r\n\r\n", "GET / 1.1 host=h keep | \n"},
      {"HEAD /a/b?c=d&e HTTP/1.1\r\nHost: h:80\r\n\r\n", "HEAD /a/b?c=d&e 1.1 host=h:80 keep | \n"},
      {"OPTIONS * HTTP/1.1\r\nHost:\r\n\r\n", "OPTIONS * 1.1 host= keep | \n"},
      {"DELETE /%C3%A9? HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", "DELETE /%C3%A9? 1.1 host=[::1]:8080 keep | \n"},
      {"PUT /a|b{}\"<>\\^` HTTP/1.1\r\nhOST: h\r\n\r\n", "PUT /a|b{}\"<>\\^` 1.1 host=h keep | \n"},
      {"PATCH //x?? HTTP/1.1\r\nHost: h\r\n\r\n", "PATCH //x?? 1.1 host=h keep | \n"},
      {"GET / HTTP/1.0\r\n\r\n", "GET / 1.0 host= close | \n"},
      // One empty line before it, which old clients leave behind a body.
      {"\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", "GET / 1.1 host=h keep | \n"},
      {"\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", "refused empty-lines"},
      {"\r\n", ""},
      {"GE", "head…"},
      {"GET / HTTP/1.1\r\nHost: h\r\n", "head…"},
      {"", ""},
  });
}

TEST("request lines: refused with the status of what is wrong") {
  claim_outcomes({
      {"GET\r\n", "refused request-line"},
      {"GET /\r\n", "refused request-line"},
      {"GET  / HTTP/1.1\r\n", "refused request-line"},
      {"GET /  HTTP/1.1\r\n", "refused request-line"},
      {"GET / HTTP/1.1 \r\n", "refused request-line"},
      {" GET / HTTP/1.1\r\n", "refused request-line"},
      {"GET\t/ HTTP/1.1\r\n", "refused request-line"},
      {"GET / x HTTP/1.1\r\n", "refused request-line"},
      {"GET / http/1.1\r\n", "refused request-line"},
      {"GET / HTTP/1.10\r\n", "refused request-line"},
      {"GET / HTTP/11\r\n", "refused request-line"},
      {"GET / HTTP/a.1\r\n", "refused request-line"},
      {"G(T / HTTP/1.1\r\n", "refused request-line"},
      {"hello\r\n", "refused request-line"},
      {"GET / HTTP/1.2\r\n", "refused version"},
      {"GET / HTTP/0.9\r\n", "refused version"},
      {"GET / HTTP/3.0\r\n", "refused version"},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "refused version"},
      {"BREW / HTTP/1.1\r\n", "refused method"},
      {"get / HTTP/1.1\r\n", "refused method"},
      {"CONNECT h:443 HTTP/1.1\r\n", "refused method"},
      {"TRACE / HTTP/1.1\r\n", "refused method"},
      {"GET * HTTP/1.1\r\n", "refused target"},
      {"GET a HTTP/1.1\r\n", "refused target"},
      {"GET /a#b HTTP/1.1\r\n", "refused target"},
      {"GET /\xC3\xA9 HTTP/1.1\r\n", "refused target"},
      {"GET /a\tb HTTP/1.1\r\n", "refused target"},
      {"GET ftp://h/ HTTP/1.1\r\n", "refused target"},
      // The first byte of TLS.
      {"\x16\x03\x01", "refused control-byte"},
      {std::string("GET /\0", 6), "refused control-byte"},
      {"GET /\x7F", "refused control-byte"},
      {"GET / HTTP/1.1\n", "refused line-feed"},
      {"GET / HTTP/1.1\r\r\n", "refused carriage-return"},
      {"GET /\rHTTP/1.1\r\n", "refused carriage-return"},
      {"\n", "refused line-feed"},
  });
}

TEST("absolute targets: taken when Host agrees, the authority stands for a missing one") {
  claim_outcomes({
      {"GET http://h:8080/a?b HTTP/1.1\r\nHost: h:8080\r\n\r\n", "GET /a?b 1.1 host=h:8080 keep | \n"},
      {"GET HTTPS://Hub.example HTTP/1.1\r\nHost: hub.example\r\n\r\n", "GET / 1.1 host=hub.example keep | \n"},
      {"GET http://h?x HTTP/1.1\r\nHost: h\r\n\r\n", "GET /?x 1.1 host=h keep | \n"},
      {"GET http://h/ HTTP/1.0\r\n\r\n", "GET / 1.0 host=h close | \n"},
      {"GET http://h/ HTTP/1.1\r\nHost: g\r\n\r\n", "refused host-mismatch"},
      {"GET http://h/ HTTP/1.1\r\nHost: h:80\r\n\r\n", "refused host-mismatch"},
      {"GET http://h/ HTTP/1.1\r\nHost:\r\n\r\n", "refused host-mismatch"},
      {"GET http://h/ HTTP/1.1\r\n\r\n", "refused host-missing"},
      {"GET http:/// HTTP/1.1\r\nHost: h\r\n\r\n", "refused target"},
      {"GET http://u@h/ HTTP/1.1\r\nHost: h\r\n\r\n", "refused target"},
      {"GET http://:80/ HTTP/1.1\r\nHost: h\r\n\r\n", "refused target"},
      {"GET http://h:99999/ HTTP/1.1\r\nHost: h\r\n\r\n", "refused target"},
  });
}

TEST("hosts: one of HTTP/1.1, in a form that every reader takes for the same host") {
  const auto with_host = [](const std::string& host) { return "GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n"; };
  for (const char* const host : {"h", "a.b-c_d~e.example", "127.0.0.1:65535", "[fe80::1]", "[::ffff:1.2.3.4]:1", "h:"})
    claim_outcome({with_host(host), std::string("GET / 1.1 host=") + host + " keep | \n"});
  for (const char* const host : {"a b", "a,b", "a/b", "u@h", "h:65536", "h:-1", "h:1a", "[::1", "[]", "[g::1]",
                                 "[::1]a", "a%2Eb", "h\xC3\xA9", "a\tb", "http://h"})
    claim_outcome({with_host(host), "refused host"});
  claim_outcomes({
      {"GET / HTTP/1.1\r\n\r\n", "refused host-missing"},
      {"GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", "refused host-repeated"},
      {"GET / HTTP/1.1\r\nHost: h\r\nx: y\r\nhost: g\r\n\r\n", "refused host-repeated"},
      {"GET / HTTP/1.0\r\nHost: h\r\nHost: h\r\n\r\n", "refused host-repeated"},
  });
}

TEST("header lines: names as tokens, values without the white space around them") {
  claim_outcomes({
      {get("Accept:a\r\n"), "GET / 1.1 host=h keep | Accept=a | \n"},
      {get("Accept: \t a \tb \t\r\n"), "GET / 1.1 host=h keep | Accept=a \tb | \n"},
      {get("Accept:\r\n"), "GET / 1.1 host=h keep | Accept= | \n"},
      {get("Accept:   \r\n"), "GET / 1.1 host=h keep | Accept= | \n"},
      {get("a!#$%&'*+-.^_`|~1: :x:\r\n"), "GET / 1.1 host=h keep | a!#$%&'*+-.^_`|~1=:x: | \n"},
      {get("x: \xE9\xFF\r\n"), "GET / 1.1 host=h keep | x=\xE9\xFF | \n"},
      {get("x: 1\r\nX: 2\r\n"), "GET / 1.1 host=h keep | x=1 | X=2 | \n"},
      {get(": a\r\n"), "refused header-name"},
      {get("a(b: c\r\n"), "refused header-name"},
      {get("\xC3\xA9: c\r\n"), "refused header-name"},
      {get("Accept : a\r\n"), "refused header-space"},
      {get("Accept\t: a\r\n"), "refused header-space"},
      {get("Content-Length : 5\r\n"), "refused header-space"},
      {get("a b: c\r\n"), "refused header-space"},
      {get("Accept\r\n"), "refused header-colon"},
      {get("Accept a\r\n"), "refused header-colon"},
      {get("x: a\r\n b\r\n"), "refused header-fold"},
      {get("x: a\r\n\tb\r\n"), "refused header-fold"},
      {"GET / HTTP/1.1\r\n Host: h\r\n\r\n", "refused header-fold"},
      {get("x: a\n"), "refused line-feed"},
      {get("x: a\rb\r\n"), "refused carriage-return"},
      {get("x: a\r\r\n"), "refused carriage-return"},
      {"GET / HTTP/1.1\r\nHost: h\r\n\n", "refused line-feed"},
      {"GET / HTTP/1.1\r\nHost: h\r\n\rx", "refused carriage-return"},
      {get(std::string("x: a\0b\r\n", 8)), "refused control-byte"},
      {get("x: \x01\r\n"), "refused control-byte"},
      {get("x\x7F: a\r\n"), "refused control-byte"},
  });
}

TEST("framing: one length or chunks, and nothing that two readers could take for two bodies") {
  claim_outcomes({
      {post("Content-Length: 5\r\n", "hello"), "POST / 1.1 host=h length=5 keep | Content-Length=5 | hello\n"},
      {post("Content-Length: 0\r\n", ""), "POST / 1.1 host=h length=0 keep | Content-Length=0 | \n"},
      {post("Content-Length: 007\r\n", "1234567"), "POST / 1.1 host=h length=7 keep | Content-Length=007 | 1234567\n"},
      {post("Content-Length: 5\r\n", "hel"), "POST / 1.1 host=h length=5 keep | Content-Length=5 | hel~"},
      {post("", "GET"), "POST / 1.1 host=h keep | \nhead…"},
      {post("TRANSFER-encoding:  cHuNkEd\t\r\n", "0\r\n\r\n"),
       "POST / 1.1 host=h chunked keep | TRANSFER-encoding=cHuNkEd | \n"},
      {post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", ""), "refused length-and-chunked"},
      {post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", ""), "refused length-and-chunked"},
      {post("Transfer-Encoding: identity\r\nContent-Length: 5\r\n", ""), "refused length-and-chunked"},
      {post("Content-Length: 5\r\nContent-Length: 5\r\n", ""), "refused content-length-repeated"},
      {post("Content-Length: 5\r\ncontent-length: 6\r\n", ""), "refused content-length-repeated"},
      {post("Content-Length: 5, 5\r\n", ""), "refused content-length"},
      {post("Content-Length: +5\r\n", ""), "refused content-length"},
      {post("Content-Length: -1\r\n", ""), "refused content-length"},
      {post("Content-Length: 0x5\r\n", ""), "refused content-length"},
      {post("Content-Length: 5 5\r\n", ""), "refused content-length"},
      {post("Content-Length: 5.0\r\n", ""), "refused content-length"},
      {post("Content-Length:\r\n", ""), "refused content-length"},
      {post("Content-Length: 2147483648\r\n", ""), "refused body-bytes"},
      {post("Content-Length: 18446744073709551616\r\n", ""), "refused body-bytes"},
      {post("Content-Length: 18446744073709551621\r\n", ""), "refused body-bytes"},
      {post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", ""), "refused transfer-encoding-repeated"},
      {post("Transfer-Encoding: gzip, chunked\r\n", ""), "refused transfer-encoding-unknown"},
      {post("Transfer-Encoding: chunked, chunked\r\n", ""), "refused transfer-encoding"},
      {post("Transfer-Encoding: chunked, gzip\r\n", ""), "refused transfer-encoding"},
      {post("Transfer-Encoding: identity\r\n", ""), "refused transfer-encoding"},
      {post("Transfer-Encoding: xchunked\r\n", ""), "refused transfer-encoding"},
      {post("Transfer-Encoding: chunked;a=b\r\n", ""), "refused transfer-encoding"},
      {post("Transfer-Encoding: \"chunked\"\r\n", ""), "refused transfer-encoding"},
      {post("Transfer-Encoding:\r\n", ""), "refused transfer-encoding"},
      {post("Transfer-Encoding: ,chunked\r\n", ""), "refused transfer-encoding"},
      {post("Transfer-Encoding:\vchunked\r\n", ""), "refused control-byte"},
      {post("Transfer-Encoding : chunked\r\n", ""), "refused header-space"},
      {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "refused transfer-encoding-version"},
  });
}

TEST("connections: kept by HTTP/1.1, closed by HTTP/1.0, unless they say otherwise") {
  claim_outcomes({
      {get("Connection: close\r\n"), "GET / 1.1 host=h close | Connection=close | \n"},
      {get("Connection: keep-alive, CLOSE\r\n"), "GET / 1.1 host=h close | Connection=keep-alive, CLOSE | \n"},
      {get("Connection: a\r\nConnection: ,close,\r\n"),
       "GET / 1.1 host=h close | Connection=a | Connection=,close, | \n"},
      {get("Connection: closed\r\n"), "GET / 1.1 host=h keep | Connection=closed | \n"},
      {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "GET / 1.0 host= keep | Connection=Keep-Alive | \n"},
      {"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n",
       "GET / 1.0 host= close | Connection=keep-alive, close | \n"},
      {get("Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"),
       "GET / 1.1 host=h upgrade keep | Connection=keep-alive, Upgrade | Upgrade=websocket | \n"},
      {get("Connection: upgrade\r\n"), "GET / 1.1 host=h keep | Connection=upgrade | \n"},
      {get("Upgrade: h2c\r\n"), "GET / 1.1 host=h keep | Upgrade=h2c | \n"},
      {"GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
       "GET / 1.0 host= close | Connection=upgrade | Upgrade=websocket | \n"},
  });
}

TEST("expectations: 100-continue where a body follows, 417 for any other") {
  claim_outcomes({
      {post("Expect: 100-Continue\r\nContent-Length: 2\r\n", "ab"),
       "POST / 1.1 host=h length=2 continue keep | Expect=100-Continue | Content-Length=2 | ab\n"},
      {post("Expect: 100-continue\r\nContent-Length: 0\r\n", ""),
       "POST / 1.1 host=h length=0 keep | Expect=100-continue | Content-Length=0 | \n"},
      {get("Expect: 100-continue\r\n"), "GET / 1.1 host=h keep | Expect=100-continue | \n"},
      {get("Expect: 200-ok\r\n"), "refused expect"},
      {get("Expect:\r\n"), "refused expect"},
      {get("Expect: 100-continue\r\nExpect: 100-continue\r\n"), "refused expect"},
      {"POST / HTTP/1.0\r\nExpect: anything\r\nContent-Length: 1\r\n\r\nx",
       "POST / 1.0 host= length=1 close | Expect=anything | Content-Length=1 | x\n"},
  });
}

TEST("chunks: joined, with extensions skipped and trailers dropped") {
  claim_outcomes({
      {chunked("5\r\nhello\r\n0\r\n\r\n"), kChunkedHead + "hello\n"},
      {chunked("1\r\na\r\n0002\r\nbc\r\n00\r\n\r\n"), kChunkedHead + "abc\n"},
      {chunked("A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n"), kChunkedHead + "01234567890123456789\n"},
      {chunked("1;a\r\nx\r\n1 ; a=\"b\" ;c\r\ny\r\n0;z\r\n\r\n"), kChunkedHead + "xy\n"},
      {chunked("1\r\n\n\r\n0\r\n\r\n"), kChunkedHead + "\n\n"},
      {chunked("1\r\na\r\n0\r\nx: y\r\nContent-Length: 9\r\nempty:\r\n\r\n"), kChunkedHead + "a\n"},
      {chunked("5\r\nhel"), kChunkedHead + "hel~"},
      {chunked("1\r\na\r\n0\r\n"), kChunkedHead + "a~"},
      {chunked("0\r\n\r"), kChunkedHead + "~"},
      {chunked(""), kChunkedHead + "~"},
  });
}

TEST("chunks: refused where their framing is anything else") {
  claim_outcomes({
      {chunked("\r\n"), kChunkedHead + "refused chunk-size"},
      {chunked("x\r\n"), kChunkedHead + "refused chunk-size"},
      {chunked("0x5\r\n"), kChunkedHead + "refused chunk-size"},
      {chunked("-1\r\n"), kChunkedHead + "refused chunk-size"},
      {chunked(" 5\r\n"), kChunkedHead + "refused chunk-size"},
      {chunked("5 \r\n"), kChunkedHead + "refused chunk-size"},
      {chunked("5 5\r\n"), kChunkedHead + "refused chunk-size"},
      {chunked("5,5\r\n"), kChunkedHead + "refused chunk-size"},
      {chunked(";a\r\n"), kChunkedHead + "refused chunk-size"},
      {chunked("00000000000000001\r\n"), kChunkedHead + "refused chunk-size"},
      {chunked("FFFFFFFFFFFFFFFF\r\n"), kChunkedHead + "refused body-bytes"},
      {chunked("80000000\r\n"), kChunkedHead + "refused body-bytes"},
      {chunked("1\r\na\r\n7FFFFFFF\r\n"), kChunkedHead + "arefused body-bytes"},
      {chunked("5\nhello"), kChunkedHead + "refused line-feed"},
      {chunked("\n"), kChunkedHead + "refused line-feed"},
      {chunked("5;a\nhello"), kChunkedHead + "refused line-feed"},
      {chunked("5\rhello"), kChunkedHead + "refused carriage-return"},
      {chunked("5;a\x01\r\n"), kChunkedHead + "refused control-byte"},
      {chunked("1\r\nab\r\n"), kChunkedHead + "arefused chunk-end"},
      {chunked("1\r\na\n0\r\n\r\n"), kChunkedHead + "arefused chunk-end"},
      {chunked("1\r\na\rx"), kChunkedHead + "arefused chunk-end"},
      {chunked("1\r\na0\r\n\r\n"), kChunkedHead + "arefused chunk-end"},
      {chunked("0\r\n x: y\r\n\r\n"), kChunkedHead + "refused trailer"},
      {chunked("0\r\nx\r\n\r\n"), kChunkedHead + "refused trailer"},
      {chunked("0\r\nx : y\r\n\r\n"), kChunkedHead + "refused trailer"},
      {chunked("0\r\n: y\r\n\r\n"), kChunkedHead + "refused trailer"},
      {chunked("0\r\nx: y\n\r\n"), kChunkedHead + "refused line-feed"},
      {chunked("0\r\n\n"), kChunkedHead + "refused line-feed"},
      {chunked("0\r\n\rx"), kChunkedHead + "refused carriage-return"},
      {chunked("0\r\nx: \x01\r\n\r\n"), kChunkedHead + "refused control-byte"},
  });
}

TEST("pipelining: one request begins where the other ends") {
  const std::string first = post("Content-Length: 3\r\n", "abc");
  const std::string second = chunked("2\r\nde\r\n0\r\nt: r\r\n\r\n");
  const std::string said_first = "POST / 1.1 host=h length=3 keep | Content-Length=3 | abc\n";
  claim_outcomes({
      {get("") + get(""), "GET / 1.1 host=h keep | \nGET / 1.1 host=h keep | \n"},
      {first + second + get("x: y\r\n"), said_first + kChunkedHead + "de\nGET / 1.1 host=h keep | x=y | \n"},
      {first + "\r\n" + first, said_first + said_first},
      {first + "x" + first, said_first + "refused method"},
      {first + "GET / HTTP/1.1\n", said_first + "refused line-feed"},
  });
}

// What fits exactly passes; a byte, line or chunk more is refused.
TEST("limits: of lines, heads, headers, bodies, chunks, extensions and trailers") {
  HttpLimits limits;
  limits.request_line_bytes_max = 20;
  claim_outcome({"GET /12345 HTTP/1.1\r\n", "head…"}, limits);
  claim_outcome({"GET /123456 HTTP/1.1\r\n", "head…"}, limits);
  claim_outcome({"GET /1234567 HTTP/1.1\r\n", "refused request-line-bytes"}, limits);
  claim_outcome({"\r\nGET /123456 HTTP/1.1\r\n", "head…"}, limits);
  claim_outcome({std::string(100, 'a'), "refused request-line-bytes"}, limits);
  claim_outcome({std::string(22, 'a') + "\n", "refused request-line-bytes"}, limits);

  limits = {};
  limits.head_bytes_max = 40;
  claim_outcome({get("a: 1234567\r\n"), "GET / 1.1 host=h keep | a=1234567 | \n"}, limits);  // 16 + 9 + 12 + 2 bytes
  claim_outcome({get("a: 12345678\r\n"), "GET / 1.1 host=h keep | a=12345678 | \n"}, limits);
  claim_outcome({get("a: 123456789\r\n"), "refused head-bytes"}, limits);
  claim_outcome({get("a: " + std::string(100, 'b') + "\n"), "refused head-bytes"}, limits);
  claim_outcome({"GET /" + std::string(100, 'b'), "refused head-bytes"}, limits);

  limits = {};
  limits.header_count_max = 2;
  claim_outcome({get("a: b\r\n"), "GET / 1.1 host=h keep | a=b | \n"}, limits);
  claim_outcome({get("a: b\r\nc: d\r\n"), "refused header-count"}, limits);

  limits = {};
  limits.body_bytes_max = 5;
  claim_outcome({chunked("2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n"), kChunkedHead + "abcde\n"}, limits);
  claim_outcome({chunked("2\r\nab\r\n4\r\n"), kChunkedHead + "abrefused body-bytes"}, limits);
  claim_outcome({post("Content-Length: 6\r\n", ""), "refused body-bytes"}, limits);
  limits.body_bytes_max = 0;
  claim_outcome({post("Content-Length: 1\r\n", ""), "refused body-bytes"}, limits);
  claim_outcome({chunked("1\r\n"), kChunkedHead + "refused body-bytes"}, limits);
  claim_outcome({chunked("0\r\n\r\n"), kChunkedHead + "\n"}, limits);

  limits = {};
  limits.chunk_count_max = 2;
  claim_outcome({chunked("1\r\na\r\n1\r\nb\r\n0\r\n\r\n"), kChunkedHead + "ab\n"}, limits);
  claim_outcome({chunked("1\r\na\r\n1\r\nb\r\n1\r\n"), kChunkedHead + "abrefused chunk-count"}, limits);

  limits = {};
  limits.chunk_extension_bytes_max = 4;
  claim_outcome({chunked("1;a\r\na\r\n1;b\r\nb\r\n0\r\n\r\n"), kChunkedHead + "ab\n"}, limits);
  claim_outcome({chunked("1;a\r\na\r\n1;bc\r\n"), kChunkedHead + "arefused chunk-extension-bytes"}, limits);

  limits = {};
  limits.trailer_bytes_max = 10;
  claim_outcome({chunked("0\r\na:b\r\nc:d\r\n\r\n"), kChunkedHead + "\n"}, limits);
  claim_outcome({chunked("0\r\na:b\r\nc:de\r\n\r\n"), kChunkedHead + "refused trailer-bytes"}, limits);
}

TEST("limits: the product's own") {
  const HttpLimits limits;
  const auto many = [](size_t count) {
    std::string lines;
    for (size_t index = 1; index < count; ++index) lines += "a: b\r\n";
    return get(lines);
  };
  CLAIM(penstock::fuzz::http_outcome(many(limits.header_count_max), limits, 0, 0).ends_with(" | \n"));
  CLAIM(penstock::fuzz::http_outcome(many(limits.header_count_max + 1), limits, 0, 0) == "refused header-count");
  claim_outcome({"GET /" + std::string(20'000, 'a'), "refused request-line-bytes"});
  claim_outcome({get("a: " + std::string(130'000, 'a')), "refused head-bytes"});
  const std::string fits(limits.head_bytes_max - get("a: \r\n").size(), 'a');
  CLAIM(penstock::fuzz::http_outcome(get("a: " + fits + "\r\n"), limits, 4096, 1).ends_with("a | \n"));
  CLAIM(penstock::fuzz::http_outcome(get("a: a" + fits + "\r\n"), limits, 4096, 1) == "refused head-bytes");
}

TEST("a parser may be copied in the middle of a head, and its bytes may move") {
  const std::string sent = get("Accept: a\r\nContent-Length: 0\r\n");
  for (size_t at = 0; at < sent.size(); ++at) {
    const HttpLimits limits;
    penstock::net::RequestParser parser;
    penstock::fuzz::Piece before{sent.substr(0, at)};
    CLAIM(parser.read(before.view(), limits) == penstock::net::RequestParser::Progress::kIncomplete);
    penstock::net::RequestParser copy = parser;
    penstock::fuzz::Piece all{sent};
    CLAIM(copy.read(all.view(), limits) == penstock::net::RequestParser::Progress::kWhole);
    CLAIM(copy.value(penstock::net::HeaderName::kAccept, all.view()) == "a");
    CLAIM(copy.head_bytes() == sent.size());
    CLAIM(!copy.has(penstock::net::HeaderName::kOrigin) &&
          copy.value(penstock::net::HeaderName::kOrigin, all.view()).empty());
  }
}

TEST("header names: each is found in any case, others are not") {
  for (size_t index = 1; index < penstock::net::kHeaderNameCount; ++index) {
    std::string name{penstock::net::kHeaderNames[index]};
    CLAIM(penstock::net::header_name(name) == static_cast<penstock::net::HeaderName>(index));
    for (char& character : name)
      if (character >= 'a' && character <= 'z') character = static_cast<char>(character - 0x20);
    CLAIM(penstock::net::header_name(name) == static_cast<penstock::net::HeaderName>(index));
    name[0] = static_cast<char>(name[0] ^ 0x40);
    CLAIM(penstock::net::header_name(name) == penstock::net::HeaderName::kOther);
    CLAIM(penstock::net::header_name(name.substr(1)) == penstock::net::HeaderName::kOther);
  }
  CLAIM(penstock::net::header_name("") == penstock::net::HeaderName::kOther);
}

TEST("faults: the sentences name the limits that hold") {
  using penstock::net::HttpFault;
  const auto names = [](HttpFault fault, size_t limit) {
    const std::string sentence = penstock::net::http_fault_info(fault).sentence;
    return sentence.find(std::to_string(limit)) != std::string::npos;
  };
  CLAIM(names(HttpFault::kRequestLineBytes, penstock::kHttpRequestLineBytesMax));
  CLAIM(names(HttpFault::kHeadBytes, penstock::kHttpHeadBytesMax));
  CLAIM(names(HttpFault::kHeaderCount, penstock::kHttpHeadersMax));
}
}  // namespace

int main() {
  return penstock::testing::run_all();
}
